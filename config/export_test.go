package config

// ExporterTypes returns the names of the exporters that a file may name.
func ExporterTypes(opts ...Option) []string {
	var o options
	for _, opt := range opts {
		opt(&o)
	}
	types, err := o.exporterTypes()
	if err != nil {
		panic(err)
	}
	names := make([]string, len(types))
	for i, t := range types {
		names[i] = t.name
	}
	return names
}
