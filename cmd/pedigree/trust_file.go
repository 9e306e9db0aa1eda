package main

import (
	"bytes"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"
	"go.yaml.in/yaml/v3"

	"pedigree/registry"
	"pedigree/service"
	"pedigree/signing"
)

// trustFile is the file of --trust: whose signatures count. Its paths are relative to its folder.
type trustFile struct {
	Keys []struct {
		Name string `yaml:"name"`
		File string `yaml:"file"`
	} `yaml:"keys"`
	Certificates []struct {
		Name          string   `yaml:"name"`
		Root          string   `yaml:"root"`
		Intermediates string   `yaml:"intermediates"`
		Subjects      []string `yaml:"subjects"`
	} `yaml:"certificates"`
	Identities []struct {
		Name    string `yaml:"name"`
		Issuer  string `yaml:"issuer"`
		Subject string `yaml:"subject"`
	} `yaml:"identities"`
	// TrustedRoot is the file with the trusted root of the Sigstore instance that proves identities.
	TrustedRoot string `yaml:"trusted-root"`
}

// addTrustFlag adds the flag that names the file of those whose signatures count.
func addTrustFlag(cmd *cobra.Command) {
	cmd.Flags().String("trust", "", "a YAML file with the keys, certificates and identities whose signatures of models count; without it nobody's do; see docs/signatures.md")
}

// openTrust returns whom the settings trust; no option when they name no file.
func openTrust(s *settings) ([]service.Option, error) {
	name := s.GetString("trust")
	if name == "" {
		return nil, nil
	}
	raw, err := os.ReadFile(name)
	if err != nil {
		return nil, registry.Invalid("trust", "the file cannot be read: %s", err)
	}
	var file trustFile
	d := yaml.NewDecoder(bytes.NewReader(raw))
	d.KnownFields(true)
	if err := d.Decode(&file); err != nil {
		return nil, registry.Invalid("trust", "the file is not valid: %s", err)
	}
	config, err := file.config(filepath.Dir(name))
	if err != nil {
		return nil, err
	}
	trust, err := signing.NewTrust(config)
	if err != nil {
		return nil, registry.Invalid("trust", "%s", err)
	}
	return []service.Option{service.WithTrust(trust)}, nil
}

// config reads the files that the file names.
func (t *trustFile) config(folder string) (c signing.Config, err error) {
	read := func(name string) string {
		if name == "" || err != nil {
			return ""
		}
		if !filepath.IsAbs(name) {
			name = filepath.Join(folder, name)
		}
		var b []byte
		if b, err = os.ReadFile(name); err != nil {
			err = registry.Invalid("trust", "a file that it names cannot be read: %s", err)
		}
		return string(b)
	}
	for _, k := range t.Keys {
		c.Keys = append(c.Keys, signing.KeyConfig{Name: k.Name, PEM: read(k.File)})
	}
	for _, a := range t.Certificates {
		c.Certificates = append(c.Certificates, signing.CertificateConfig{Name: a.Name, Root: read(a.Root), Intermediates: read(a.Intermediates), Subjects: a.Subjects})
	}
	for _, i := range t.Identities {
		c.Identities = append(c.Identities, signing.IdentityConfig{Name: i.Name, Issuer: i.Issuer, Subject: i.Subject})
	}
	c.TrustedRoot = []byte(read(t.TrustedRoot))
	return c, err
}
