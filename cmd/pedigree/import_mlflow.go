package main

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"pedigree/connect/mlflow"
)

func newImportMLflow(s *settings) *cobra.Command {
	artifacts, all, verbose := "", false, false
	cmd := &cobra.Command{
		Use:   "mlflow URL|FOLDER|FILE",
		Short: "Import MLflow's registry, and the runs behind its versions",
		Long: `Import the models, versions, tags, aliases and stages of a registry of MLflow, and the
runs behind the versions: what they read and ran, their parameters and metrics, and
the features of their models. The source is the URL of a server, a folder mlruns, or
a file mlflow.db; a folder and a file are read without a server.

An import that was interrupted goes on where it stopped, and a later import reads
again only what changed in MLflow since; the place is kept in the --data folder. With
--server it reads everything again, which records nothing twice. What cannot be
recorded is listed at the end.

A server is asked with MLFLOW_TRACKING_TOKEN, or with MLFLOW_TRACKING_USERNAME and
MLFLOW_TRACKING_PASSWORD.`,
		Example: "  pedigree import mlflow http://127.0.0.1:5000\n  pedigree import mlflow mlruns\n  pedigree import mlflow mlflow.db --artifacts mlartifacts",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			from, err := mlflow.Open(args[0], artifacts, mlflow.LoginOf(os.Getenv))
			if err != nil {
				return err
			}
			defer from.Close()
			r, err := connect(cmd, s, createStore)
			if err != nil {
				return err
			}
			defer r.close()
			meter := newProgressMeter(cmd.ErrOrStderr())
			o := mlflow.Options{Progress: meter.update}
			if r.store != nil {
				info, err := r.store.Ping(cmd.Context())
				if err != nil {
					return err
				}
				p := importPlace(s.GetString("data"), string(info.Secret), args[0])
				if o.Save = p.save; !all {
					o.Done = p.load()
				}
			}
			report, err := mlflow.Import(r.ctx, r, from, o)
			meter.finish()
			printReport(cmd.OutOrStdout(), report, verbose)
			return err
		},
	}
	cmd.Flags().StringVar(&artifacts, "artifacts", "", "the folder of the files that MLflow's server keeps (its --artifacts-destination), for a source that is a file")
	cmd.Flags().BoolVar(&all, "all", false, "read everything again, not only what changed in MLflow since the last import")
	cmd.Flags().BoolVar(&verbose, "verbose", false, "list every item that could not be read or recorded")
	return cmd
}

// importedPlace is the file that keeps what was imported from a source into a registry.
type importedPlace string

func importPlace(data, registry, from string) importedPlace {
	if absolute, err := filepath.Abs(from); err == nil {
		if _, err := os.Stat(absolute); err == nil {
			from = absolute
		}
	}
	sum := sha256.Sum256([]byte("pedigree import mlflow\x00" + registry + "\x00" + from))
	return importedPlace(filepath.Join(data, "imports", hex.EncodeToString(sum[:16])+".json"))
}

// load returns what was imported, nothing when that is not known.
func (p importedPlace) load() (done mlflow.Done) {
	raw, err := os.ReadFile(string(p))
	if err != nil || json.Unmarshal(raw, &done) != nil {
		return nil
	}
	return done
}

// save writes what was imported, whole or not at all.
func (p importedPlace) save(done mlflow.Done) error {
	raw, err := json.Marshal(done)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(string(p)), 0o700); err != nil {
		return fmt.Errorf("the place of the import cannot be kept: %w; choose another --data", err)
	}
	t, err := os.CreateTemp(filepath.Dir(string(p)), "import.*")
	if err != nil {
		return fmt.Errorf("the place of the import cannot be kept: %w", err)
	}
	defer os.Remove(t.Name())
	_, err = t.Write(raw)
	if err := errors.Join(err, t.Close()); err != nil {
		return err
	}
	return os.Rename(t.Name(), string(p))
}
