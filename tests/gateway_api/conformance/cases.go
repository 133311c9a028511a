package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"net/http"
	"path/filepath"
	"strconv"
	"strings"
)

// values is what a literal of the source holds: texts, numbers, booleans, lists and maps. What is computed is nil.
type values map[string]any

// testCase is one request of the suite with what is expected of it.
type testCase struct {
	file     string
	line     int
	mesh     bool
	grpc     bool
	gateways []string
	said     values
}

// names are the constants of the suite, and the variables of a file, by their names.
type names map[string]any

func constants(files []*ast.File) names {
	found := names{}
	for _, file := range files {
		for _, decl := range file.Decls {
			group, ok := decl.(*ast.GenDecl)
			if !ok || group.Tok != token.CONST {
				continue
			}
			for _, spec := range group.Specs {
				one := spec.(*ast.ValueSpec)
				for index, name := range one.Names {
					if index < len(one.Values) {
						found[name.Name] = found.value(one.Values[index])
					}
				}
			}
		}
	}
	return found
}

// statuses are the constants of net/http, which are called like the texts of the codes.
var statuses = func() map[string]int {
	found := map[string]int{}
	for code := 100; code < 600; code++ {
		if text := http.StatusText(code); text != "" {
			found["Status"+strings.ReplaceAll(text, " ", "")] = code
		}
	}
	return found
}()

// value is what an expression says, as far as that is written there.
func (n names) value(expr ast.Expr) any {
	switch one := expr.(type) {
	case *ast.BasicLit:
		switch one.Kind {
		case token.STRING:
			text, _ := strconv.Unquote(one.Value)
			return text
		case token.INT:
			number, _ := strconv.Atoi(one.Value)
			return number
		}
	case *ast.Ident:
		if one.Name == "true" || one.Name == "false" {
			return one.Name == "true"
		}
		return n[one.Name]
	case *ast.SelectorExpr:
		if owner, ok := n.value(one.X).(values); ok {
			return owner[one.Sel.Name]
		}
		if owner, ok := one.X.(*ast.Ident); ok && owner.Name == "codes" {
			return one.Sel.Name
		}
		if code, ok := statuses[one.Sel.Name]; ok {
			return code
		}
		return n[one.Sel.Name]
	case *ast.UnaryExpr:
		return n.value(one.X)
	case *ast.BinaryExpr:
		left, first := n.value(one.X).(string)
		right, second := n.value(one.Y).(string)
		if first && second && one.Op == token.ADD {
			return left + right
		}
	case *ast.CompositeLit:
		return n.literal(one)
	}
	return nil
}

func (n names) literal(one *ast.CompositeLit) any {
	if _, list := one.Type.(*ast.ArrayType); list {
		var items []any
		for _, item := range one.Elts {
			items = append(items, n.value(item))
		}
		return items
	}
	out := values{}
	for _, item := range one.Elts {
		pair, ok := item.(*ast.KeyValueExpr)
		if !ok {
			continue
		}
		// The keys of maps are texts, those of structs are names.
		key, text := n.value(pair.Key).(string)
		if field, ok := pair.Key.(*ast.Ident); ok {
			key, text = field.Name, true
		}
		if text {
			out[key] = n.value(pair.Value)
		}
	}
	return out
}

// parsed is every file of a folder.
func parsed(set *token.FileSet, folder string) ([]*ast.File, error) {
	paths, err := filepath.Glob(filepath.Join(folder, "*.go"))
	if err != nil {
		return nil, err
	}
	var files []*ast.File
	for _, path := range paths {
		file, err := parser.ParseFile(set, path, nil, 0)
		if err != nil {
			return nil, err
		}
		files = append(files, file)
	}
	return files, nil
}

// cases is every request that the tests of a folder send, in their order.
func cases(module, folder string) ([]testCase, error) {
	set := token.NewFileSet()
	suite, err := parsed(set, filepath.Join(module, "utils/suite"))
	if err != nil {
		return nil, err
	}
	known := constants(suite)
	files, err := parsed(set, filepath.Join(module, folder))
	if err != nil {
		return nil, err
	}
	var found []testCase
	for _, file := range files {
		found = append(found, known.ofFile(set, file, folder)...)
	}
	return found, nil
}

func (n names) ofFile(set *token.FileSet, file *ast.File, folder string) []testCase {
	local := names{}
	for name, value := range n {
		local[name] = value
	}
	var gateways []string
	var found []testCase
	add := func(kind ast.Expr, literal *ast.CompositeLit) {
		owner, ok := kind.(*ast.SelectorExpr)
		if !ok || owner.Sel.Name != "ExpectedResponse" {
			return
		}
		said, _ := local.literal(literal).(values)
		place := set.Position(literal.Pos())
		found = append(found, testCase{
			file: filepath.Base(place.Filename), line: place.Line, said: said,
			mesh: strings.HasSuffix(folder, "mesh"),
			grpc: owner.X.(*ast.Ident).Name == "grpc",
		})
	}
	ast.Inspect(file, func(node ast.Node) bool {
		switch one := node.(type) {
		case *ast.AssignStmt:
			for index, left := range one.Lhs {
				name, ok := left.(*ast.Ident)
				if !ok || index >= len(one.Rhs) {
					continue
				}
				value := local.value(one.Rhs[index])
				local[name.Name] = value
				gateway := strings.HasPrefix(name.Name, "gw") || strings.HasPrefix(name.Name, "gateway")
				if reference, ok := value.(values); ok && gateway {
					if text, ok := reference["Name"].(string); ok {
						gateways = append(gateways, text)
					}
				}
			}
		case *ast.CompositeLit:
			if list, ok := one.Type.(*ast.ArrayType); ok {
				for _, item := range one.Elts {
					if literal, ok := item.(*ast.CompositeLit); ok && literal.Type == nil {
						add(list.Elt, literal)
					}
				}
			} else if one.Type != nil {
				add(one.Type, one)
			}
		}
		return true
	})
	// Which of them a request is sent to is said by calls.
	for index := range found {
		found[index].gateways = gateways
	}
	return found
}
