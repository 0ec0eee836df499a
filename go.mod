module convnet

go 1.24
