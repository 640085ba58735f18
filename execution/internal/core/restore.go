package core

import (
	"fmt"
	"reflect"
)

// noNull finds a map, or something in one, that a snapshot says is null and that a fresh state has: nothing of omsd's wrote
// it, and the first use would panic.
func noNull(got, fresh *State) error {
	g, f := reflect.ValueOf(got).Elem(), reflect.ValueOf(fresh).Elem()
	for i := range g.NumField() {
		field, name := g.Field(i), g.Type().Field(i).Name
		if !g.Type().Field(i).IsExported() || field.Kind() != reflect.Map {
			continue
		}
		if field.IsNil() && !f.Field(i).IsNil() {
			return fmt.Errorf("%s is null", name)
		}
		if field.Type().Elem().Kind() != reflect.Pointer {
			continue
		}
		for it := field.MapRange(); it.Next(); {
			if it.Value().IsNil() {
				return fmt.Errorf("%s has null under %v", name, it.Key())
			}
		}
	}
	return nil
}
