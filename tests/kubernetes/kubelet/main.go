// A node without containers: /resplit is the binary that is named, run as a process on this machine, and its log is what the process
// wrote. It takes every pod of the namespace "here" and runs its container to the end. An ephemeral container of a pod of its own
// runs while somebody is attached to it. Nothing else is started.
//
//	kubelet -kubeconfig FILE -resplit FILE [-limit 10m]
package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"

	core "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	protocols "k8s.io/apimachinery/pkg/util/remotecommand"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/remotecommand"
	"k8s.io/client-go/util/cert"
	streaming "k8s.io/kubelet/pkg/cri/streaming/remotecommand"
	"k8s.io/kubernetes/pkg/fieldpath"
	"k8s.io/kubernetes/third_party/forked/golang/expansion"
)

const node = "loopback"

type kubelet struct {
	api     kubernetes.Interface
	resplit string

	mutex sync.Mutex
	logs  map[string]*bytes.Buffer
}

func main() {
	config := flag.String("kubeconfig", "", "how the API server is reached")
	resplit := flag.String("resplit", "", "what stands for /resplit")
	limit := flag.Duration("limit", 10*time.Minute, "ends after so long")
	flag.Parse()
	time.AfterFunc(*limit, func() { log.Fatal("the time is over") })
	if err := run(*config, *resplit); err != nil {
		log.Fatal(err)
	}
}

func run(config, resplit string) error {
	rest, err := clientcmd.BuildConfigFromFlags("", config)
	if err != nil {
		return err
	}
	api, err := kubernetes.NewForConfig(rest)
	if err != nil {
		return err
	}
	own := &kubelet{api: api, resplit: resplit, logs: map[string]*bytes.Buffer{}}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	if err := own.register(listener.Addr().(*net.TCPAddr).Port); err != nil {
		return err
	}
	go func() {
		for {
			for _, look := range []func() error{own.start, own.take} {
				if err := look(); err != nil {
					log.Print(err)
				}
			}
			time.Sleep(100 * time.Millisecond)
		}
	}()
	pem, key, err := cert.GenerateSelfSignedCertKey("127.0.0.1", nil, nil)
	if err != nil {
		return err
	}
	pair, err := tls.X509KeyPair(pem, key)
	if err != nil {
		return err
	}
	paths := http.NewServeMux()
	paths.HandleFunc("/attach/{namespace}/{pod}/{container}", own.attach)
	paths.HandleFunc("GET /containerLogs/{namespace}/{pod}/{container}", own.log)
	server := http.Server{Handler: paths, TLSConfig: &tls.Config{Certificates: []tls.Certificate{pair}}}
	fmt.Println("ready")
	return server.ServeTLS(listener, "", "")
}

// register makes the node, so that the API server knows where to ask.
func (own *kubelet) register(port int) error {
	ctx := context.Background()
	object := &core.Node{ObjectMeta: meta.ObjectMeta{Name: node}}
	if _, err := own.api.CoreV1().Nodes().Create(ctx, object, meta.CreateOptions{}); err != nil && !apierrors.IsAlreadyExists(err) {
		return err
	}
	status := core.NodeStatus{
		Addresses:       []core.NodeAddress{{Type: core.NodeInternalIP, Address: "127.0.0.1"}},
		DaemonEndpoints: core.NodeDaemonEndpoints{KubeletEndpoint: core.DaemonEndpoint{Port: int32(port)}},
	}
	patch, err := json.Marshal(map[string]any{"status": status})
	if err != nil {
		return err
	}
	_, err = own.api.CoreV1().Nodes().Patch(ctx, node, types.MergePatchType, patch, meta.PatchOptions{}, "status")
	return err
}

// start says that containers run which nothing was said of.
func (own *kubelet) start() error {
	pods, err := own.api.CoreV1().Pods("").List(context.Background(), meta.ListOptions{FieldSelector: "spec.nodeName=" + node})
	if err != nil {
		return err
	}
	for _, pod := range pods.Items {
		for _, container := range pod.Spec.EphemeralContainers {
			known := false
			for _, status := range pod.Status.EphemeralContainerStatuses {
				known = known || status.Name == container.Name
			}
			if !known {
				running := core.ContainerState{Running: &core.ContainerStateRunning{StartedAt: meta.Now()}}
				if err := own.say(&pod, container.Name, running); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

func (own *kubelet) say(pod *core.Pod, container string, state core.ContainerState) error {
	statuses := []core.ContainerStatus{{Name: container, State: state}}
	for _, status := range pod.Status.EphemeralContainerStatuses {
		if status.Name != container {
			statuses = append(statuses, status)
		}
	}
	patch, err := json.Marshal(map[string]any{"status": map[string]any{"ephemeralContainerStatuses": statuses}})
	if err != nil {
		return err
	}
	pods := own.api.CoreV1().Pods(pod.Namespace)
	_, err = pods.Patch(context.Background(), pod.Name, types.MergePatchType, patch, meta.PatchOptions{}, "status")
	return err
}

// take binds the pods that are to run here, and runs them.
func (own *kubelet) take() error {
	ctx := context.Background()
	pods, err := own.api.CoreV1().Pods("here").List(ctx, meta.ListOptions{FieldSelector: "spec.nodeName="})
	if err != nil {
		return err
	}
	for _, pod := range pods.Items {
		binding := &core.Binding{
			ObjectMeta: meta.ObjectMeta{Name: pod.Name, Namespace: pod.Namespace},
			Target:     core.ObjectReference{Kind: "Node", Name: node},
		}
		if err := own.api.CoreV1().Pods(pod.Namespace).Bind(ctx, binding, meta.CreateOptions{}); err != nil {
			return err
		}
		pod.Spec.NodeName = node
		go func() {
			if err := own.runPod(&pod); err != nil {
				log.Print(err)
			}
		}()
	}
	return nil
}

// runPod runs the one container of a pod, and says how it ended.
func (own *kubelet) runPod(pod *core.Pod) error {
	folder, err := os.MkdirTemp("", "pod-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	container := &pod.Spec.Containers[0]
	if err := own.mount(pod, container, folder); err != nil {
		return err
	}
	words, err := arguments(pod, container, folder)
	if err != nil {
		return err
	}
	process := exec.Command(own.resplit, words...)
	process.Env = []string{}
	log := own.logOf(pod.Name, container.Name)
	process.Stdout, process.Stderr = log, log
	code, err := ended(process)
	if err != nil {
		return err
	}
	status := core.PodStatus{
		Phase: core.PodSucceeded,
		ContainerStatuses: []core.ContainerStatus{{
			Name:  container.Name,
			State: core.ContainerState{Terminated: &core.ContainerStateTerminated{ExitCode: code}},
		}},
	}
	if code != 0 {
		status.Phase = core.PodFailed
	}
	patch, err := json.Marshal(map[string]any{"status": status})
	if err != nil {
		return err
	}
	_, err = own.api.CoreV1().Pods(pod.Namespace).Patch(context.Background(), pod.Name, types.MergePatchType, patch,
		meta.PatchOptions{}, "status")
	return err
}

// mount writes the ConfigMaps of a container below a folder.
func (own *kubelet) mount(pod *core.Pod, container *core.Container, folder string) error {
	for _, mount := range container.VolumeMounts {
		for _, volume := range pod.Spec.Volumes {
			if volume.Name != mount.Name || volume.ConfigMap == nil {
				continue
			}
			api := own.api.CoreV1().ConfigMaps(pod.Namespace)
			object, err := api.Get(context.Background(), volume.ConfigMap.Name, meta.GetOptions{})
			if err != nil {
				return err
			}
			at := filepath.Join(folder, mount.MountPath)
			if err := os.MkdirAll(at, 0o755); err != nil {
				return err
			}
			for name, text := range object.Data {
				if err := os.WriteFile(filepath.Join(at, name), []byte(text), 0o644); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// arguments of a container, with its variables in their places, and with the folder in front of what is mounted.
func arguments(pod *core.Pod, container *core.Container, folder string) ([]string, error) {
	variables := map[string]string{}
	for _, variable := range container.Env {
		value := variable.Value
		if from := variable.ValueFrom; from != nil && from.FieldRef != nil {
			var err error
			switch from.FieldRef.FieldPath {
			case "spec.nodeName":
				value = pod.Spec.NodeName
			default:
				value, err = fieldpath.ExtractFieldPathAsString(pod, from.FieldRef.FieldPath)
			}
			if err != nil {
				return nil, err
			}
		}
		variables[variable.Name] = value
	}
	words := []string{}
	for _, word := range container.Args {
		word = expansion.Expand(word, expansion.MappingFuncFor(variables))
		for _, mount := range container.VolumeMounts {
			word = strings.ReplaceAll(word, mount.MountPath, filepath.Join(folder, mount.MountPath))
		}
		words = append(words, word)
	}
	return words, nil
}

// ended is the exit code of a process.
func ended(process *exec.Cmd) (int32, error) {
	var exit *exec.ExitError
	err := process.Run()
	if errors.As(err, &exit) {
		return int32(exit.ExitCode()), nil
	}
	return 0, err
}

func (own *kubelet) logOf(pod, container string) kept {
	own.mutex.Lock()
	defer own.mutex.Unlock()
	text := &bytes.Buffer{}
	own.logs[pod+"/"+container] = text
	return kept{own, text}
}

func (own *kubelet) attach(w http.ResponseWriter, request *http.Request) {
	options, err := streaming.NewOptions(request)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	streams := attached{own, request.PathValue("namespace")}
	streaming.ServeAttach(w, request, streams, request.PathValue("pod"), "", request.PathValue("container"), options,
		time.Minute, time.Minute, protocols.SupportedStreamingProtocols)
}

func (own *kubelet) log(w http.ResponseWriter, request *http.Request) {
	own.mutex.Lock()
	defer own.mutex.Unlock()
	if text := own.logs[request.PathValue("pod")+"/"+request.PathValue("container")]; text != nil {
		w.Write(text.Bytes())
	}
}

type attached struct {
	*kubelet
	namespace string
}

// kept keeps what a container writes.
type kept struct {
	*kubelet
	text *bytes.Buffer
}

func (own kept) Write(bytes []byte) (int, error) {
	own.mutex.Lock()
	defer own.mutex.Unlock()
	return own.text.Write(bytes)
}

func (own attached) AttachContainer(ctx context.Context, name string, _ types.UID, container string, in io.Reader,
	out, failures io.WriteCloser, _ bool, _ <-chan remotecommand.TerminalSize) error {
	pod, err := own.api.CoreV1().Pods(own.namespace).Get(ctx, name, meta.GetOptions{})
	if err != nil {
		return err
	}
	for _, found := range pod.Spec.EphemeralContainers {
		if found.Name != container {
			continue
		}
		words := append(append([]string{}, found.Command...), found.Args...)
		if len(words) == 0 || words[0] != "/resplit" {
			return fmt.Errorf("it starts %s", strings.Join(words, " "))
		}
		process := exec.Command(own.resplit, words[1:]...)
		process.Env = []string{}
		process.Stdin = in
		log := own.logOf(name, container)
		process.Stdout, process.Stderr = io.MultiWriter(log, out), io.MultiWriter(log, failures)
		code, err := ended(process)
		if err != nil {
			return err
		}
		return own.say(pod, container, core.ContainerState{Terminated: &core.ContainerStateTerminated{ExitCode: code}})
	}
	return fmt.Errorf("no container %s", container)
}
