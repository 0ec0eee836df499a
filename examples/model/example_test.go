package model_test

import (
	"bytes"
	"fmt"
	"log"
	"slices"
	"strings"

	"convnet"
	"convnet/examples/model"
)

// A model file begins with names and shapes that you can read. The values follow.
func ExampleSave() {
	var file bytes.Buffer
	err := model.Save(&file, convnet.New(1), map[string]string{"rate": "0.0062"})
	fmt.Println(err)
	metadata := bytes.Index(file.Bytes(), []byte(`"rate"`))
	fmt.Printf("%s…\n", file.Bytes()[metadata:metadata+56])
	// Output:
	// <nil>
	// "rate":"0.0062"},"conv1.weight":{"dtype":"F64","shape":[…
}

// Load returns the bits that were saved, and the metadata.
func ExampleLoad() {
	var file bytes.Buffer
	saved := convnet.New(1)
	if err := model.Save(&file, saved, map[string]string{"rate": "0.0062"}); err != nil {
		log.Fatal(err)
	}
	network, metadata, err := model.Load(&file)
	fmt.Println(slices.Equal(network.Parameters, saved.Parameters), metadata, err)

	_, _, err = model.Load(strings.NewReader("not a model"))
	fmt.Println(err)
	// Output:
	// true map[rate:0.0062] <nil>
	// model: not a safetensors file: begins with "not a model": download it again, or save it with model.Save or safetensors
}
