package main

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"sort"

	"google.golang.org/protobuf/types/known/wrapperspb"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"istio.io/istio/pilot/pkg/model"
	"istio.io/istio/pilot/test/xds"
	"istio.io/istio/pkg/config"
	"istio.io/istio/pkg/config/mesh"

	"resplit/tests/istiod/recorder/admission"
)

// folder is where the manifests lie.
type folder struct {
	path      string
	admission *admission.Admission
}

// contents are the objects of a folder by their names, and those that a cluster refuses.
type contents struct {
	objects map[string]*unstructured.Unstructured
	refused map[string]bool
}

func (f folder) read() (contents, error) {
	out := contents{objects: map[string]*unstructured.Unstructured{}, refused: map[string]bool{}}
	files, err := filepath.Glob(filepath.Join(f.path, "*.yaml"))
	if err != nil {
		return out, err
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return out, err
		}
		admitted, err := f.admission.Admit(text)
		if err != nil {
			return out, fmt.Errorf("%s: %w", file, err)
		}
		for _, object := range admitted.Objects {
			out.objects[admission.Named(object)] = object
		}
		for _, name := range admitted.Refused {
			out.refused[name] = true
		}
	}
	return out, nil
}

// options are those of a control plane that begins with the objects. The settings of the mesh stand in the ConfigMap istio.
func (c contents) options() (xds.FakeOptions, error) {
	settings := mesh.DefaultMeshConfig()
	var rest []*unstructured.Unstructured
	for _, name := range sorted(c.objects) {
		object := c.objects[name]
		if object.GetKind() == "ConfigMap" && object.GetName() == "istio" {
			text, _, err := unstructured.NestedString(object.Object, "data", "mesh")
			if err == nil {
				settings, err = mesh.ApplyMeshConfig(text, settings)
			}
			if err != nil {
				return xds.FakeOptions{}, err
			}
			continue
		}
		rest = append(rest, object)
	}
	// Nobody gives certificates to a stock Envoy.
	settings.EnableAutoMtls = wrapperspb.Bool(false)
	c.sayRefused(nil)
	stored, err := admission.Store(rest)
	return xds.FakeOptions{Configs: stored.Configs, KubernetesObjects: stored.Objects, MeshConfig: settings}, err
}

// become puts what changed into the store, which pushes it. Only objects of Istio are stored there.
func (c contents) become(now contents, store model.ConfigStoreController) error {
	now.sayRefused(c.refused)
	for _, name := range sorted(now.objects) {
		object := now.objects[name]
		if before := c.objects[name]; before != nil && reflect.DeepEqual(before.Object, object.Object) {
			continue
		}
		one, err := stored(name, object)
		if err != nil {
			return err
		}
		if store.Get(one.GroupVersionKind, one.Name, one.Namespace) == nil {
			_, err = store.Create(one)
		} else {
			_, err = store.Update(one)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		fmt.Println("applied", name)
	}
	for _, name := range sorted(c.objects) {
		if now.objects[name] != nil {
			continue
		}
		one, err := stored(name, c.objects[name])
		if err == nil {
			err = store.Delete(one.GroupVersionKind, one.Name, one.Namespace, nil)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		fmt.Println("deleted", name)
	}
	return nil
}

// stored is an object as the store of Istio holds it.
func stored(name string, object *unstructured.Unstructured) (config.Config, error) {
	out, err := admission.Store([]*unstructured.Unstructured{object})
	if err == nil && len(out.Configs) == 0 {
		err = fmt.Errorf("%s changed, and only objects of Istio may change while the control plane runs", name)
	}
	if err != nil {
		return config.Config{}, err
	}
	return out.Configs[0], nil
}

// sayRefused says which objects are refused now.
func (c contents) sayRefused(before map[string]bool) {
	for _, name := range sorted(c.refused) {
		if !before[name] {
			fmt.Println("refused", name)
		}
	}
}

func sorted[V any](of map[string]V) []string {
	names := make([]string, 0, len(of))
	for name := range of {
		names = append(names, name)
	}
	sort.Strings(names)
	return names
}
