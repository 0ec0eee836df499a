package model_test

import (
	"bytes"
	"fmt"
	"log"
	"strings"

	"convnet"
	"convnet/examples/model"
)

// A model file has readable names and shapes, with the values behind them.
func ExampleSave() {
	var file bytes.Buffer
	err := model.Save(&file, convnet.New(1), map[string]string{"rate": "0.0062"})
	fmt.Println(file.Len(), "bytes,", err)
	first := bytes.Index(file.Bytes(), []byte(`"conv1.weight"`))
	fmt.Printf("%s…\n", file.Bytes()[first:first+74])
	// Output:
	// 307416 bytes, <nil>
	// "conv1.weight":{"dtype":"F64","shape":[10,1,5,5],"data_offsets":[0,2000]},…
}

// Loading gives back the saved bits and the metadata.
func ExampleLoad() {
	var file bytes.Buffer
	if err := model.Save(&file, convnet.New(1), map[string]string{"rate": "0.0062"}); err != nil {
		log.Fatal(err)
	}
	network, metadata, err := model.Load(&file)
	fmt.Println(network.Filters2[19][249] == convnet.New(1).Filters2[19][249], metadata, err)

	_, _, err = model.Load(strings.NewReader("not a model"))
	fmt.Println(err)
	// Output:
	// true map[rate:0.0062] <nil>
	// model: offset 0: found a header of 8029109312199880558 bytes, want at most 8192
}
