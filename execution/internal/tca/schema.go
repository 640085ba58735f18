package tca

import (
	"reflect"
	"strings"
)

// Field is one column of a kind of row.
type Field struct {
	Name string // as in the JSON
	Type string // int, float, text, bool or list of text; "or null" where it may be
	Unit string // empty where there is none
	Doc  string
}

// Schema are the fields of every kind of row, in the order in which they are written.
func Schema() map[string][]Field {
	out := map[string][]Field{}
	for _, r := range []Row{ParentRow{}, ChildRow{}, StrategyRow{}, AggregateRow{}, PathsRow{}} {
		out[r.kind()] = fields(reflect.TypeOf(r))
	}
	return out
}

func fields(t reflect.Type) []Field {
	var out []Field
	for i := range t.NumField() {
		f := t.Field(i)
		if f.Anonymous {
			out = append(out, fields(f.Type)...)
			continue
		}
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		out = append(out, Field{Name: name, Type: typeName(f.Type), Unit: f.Tag.Get("unit"), Doc: f.Tag.Get("doc")})
	}
	return out
}

func typeName(t reflect.Type) string {
	switch t.Kind() {
	case reflect.Pointer:
		return typeName(t.Elem()) + " or null"
	case reflect.String:
		return "text"
	case reflect.Bool:
		return "bool"
	case reflect.Float64:
		return "float"
	case reflect.Slice:
		return "list of " + typeName(t.Elem())
	default:
		return "int"
	}
}
