// Package admission is what stands between manifests and a control plane: what a cluster would do to them on their way.
package admission

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"path/filepath"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	kubeyaml "k8s.io/apimachinery/pkg/util/yaml"

	kubecrd "istio.io/istio/pilot/pkg/config/kube/crd"
	"istio.io/istio/pkg/config"
	"istio.io/istio/pkg/config/crd"
	"istio.io/istio/pkg/config/schema/collections"
	"istio.io/istio/pkg/config/schema/gvk"
	"istio.io/istio/pkg/config/schema/resource"
	"istio.io/istio/pkg/kube"
	"istio.io/istio/pkg/test/env"
)

// Admission is what stands in front of a cluster's store: the CRDs with their defaults and rules, and the webhook.
type Admission struct {
	crds *crd.Validator
}

// epoch is when an object without a time was made, so that names decide between objects.
var epoch = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

// New reads the CRDs of the module.
func New() (*Admission, error) {
	crds, err := crd.NewValidatorFromFilesWithOptions([]string{
		filepath.Join(env.IstioSrc, "tests/integration/pilot/testdata/gateway-api-inference-extension-crd.yaml"),
		filepath.Join(env.IstioSrc, "tests/integration/pilot/testdata/gateway-api-crd.yaml"),
		filepath.Join(env.IstioSrc, "manifests/charts/base/files/crd-all.gen.yaml"),
	}, crd.WithoutCRDValidation())
	if err != nil {
		return nil, err
	}
	crds.SkipMissing = true
	return &Admission{crds: crds}, nil
}

// Manifests are the objects that a cluster takes, and the names of those that it refuses.
type Manifests struct {
	Objects []*unstructured.Unstructured
	Refused []string
}

// Admit gives objects what a cluster gives them, and leaves out those that it refuses.
func (a *Admission) Admit(text []byte) (Manifests, error) {
	var out Manifests
	decoder := kubeyaml.NewYAMLOrJSONDecoder(bytes.NewReader(text), 4096)
	for {
		object := &unstructured.Unstructured{}
		err := decoder.Decode(object)
		if err == io.EOF {
			return out, nil
		}
		if err != nil {
			return out, err
		}
		if len(object.Object) == 0 {
			continue
		}
		if object.GetNamespace() == "" && object.GetKind() != "Namespace" && object.GetKind() != "GatewayClass" {
			object.SetNamespace("default")
		}
		if stamp := object.GetCreationTimestamp(); stamp.IsZero() {
			object.SetCreationTimestamp(metav1.NewTime(epoch))
		}
		if err := a.check(object); err != nil {
			out.Refused = append(out.Refused, Named(object))
			continue
		}
		out.Objects = append(out.Objects, object)
	}
}

// check fills in the defaults of the object and says why a cluster refuses it.
func (a *Admission) check(object *unstructured.Unstructured) error {
	if err := a.crds.ValidateCustomResource(object); err != nil {
		return err
	}
	schema, found := istioSchema(object)
	if !found {
		return nil
	}
	config, err := asConfig(schema, object)
	if err != nil {
		return err
	}
	_, err = schema.ValidateConfig(*config)
	return err
}

// Named is an object as resplit names it.
func Named(object *unstructured.Unstructured) string {
	return fmt.Sprintf("%s %s/%s", object.GetKind(), object.GetNamespace(), object.GetName())
}

// istioSchema is that of the kinds that the webhook checks, whatever their version.
func istioSchema(object *unstructured.Unstructured) (resource.Schema, bool) {
	kind := object.GroupVersionKind()
	return collections.Pilot.FindByGroupKind(resource.FromKubernetesGVK(&kind))
}

func asConfig(schema resource.Schema, object *unstructured.Unstructured) (*config.Config, error) {
	text, err := json.Marshal(object.Object)
	if err != nil {
		return nil, err
	}
	var kind kubecrd.IstioKind
	if err := json.Unmarshal(text, &kind); err != nil {
		return nil, err
	}
	return kubecrd.ConvertObject(schema, &kind, "cluster.local")
}

// asObject is the typed object, or nothing where neither Kubernetes nor Istio knows the kind.
func asObject(object *unstructured.Unstructured) (runtime.Object, error) {
	text, err := json.Marshal(object.Object)
	if err != nil {
		return nil, err
	}
	typed, _, err := kube.IstioCodec.UniversalDeserializer().Decode(text, nil, nil)
	if runtime.IsNotRegisteredError(err) {
		return nil, nil
	}
	return typed, err
}

// Stored are objects where a control plane looks for them: Istio's in its store, Kubernetes' and the Gateway API's in the
// cluster.
type Stored struct {
	Configs []config.Config
	Objects []runtime.Object
}

// Store sorts the objects.
func Store(all []*unstructured.Unstructured) (Stored, error) {
	var out Stored
	for _, object := range all {
		schema, istio := istioSchema(object)
		if istio {
			config, err := asConfig(schema, object)
			if err != nil {
				return out, err
			}
			out.Configs = append(out.Configs, *config)
		}
		// Waypoints learn of ServiceEntries from the cluster.
		if !istio || schema.GroupVersionKind().Kind == gvk.ServiceEntry.Kind {
			typed, err := asObject(object)
			if err != nil {
				return out, err
			}
			if typed != nil {
				out.Objects = append(out.Objects, typed)
			}
		}
	}
	return out, nil
}
