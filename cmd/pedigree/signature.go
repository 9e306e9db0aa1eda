package main

import (
	"context"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"pedigree/registry"
	"pedigree/service/catalog"
	"pedigree/service/core"
)

// signatureClient holds the methods on signatures of versions.
type signatureClient interface {
	AttachSignature(ctx context.Context, in catalog.AttachSignatureInput) (*catalog.AttachSignaturePayload, error)
	SignaturesOf(ctx context.Context, v *registry.ModelVersion, p core.Paging) (*catalog.SignatureConnection, error)
	DetachSignature(ctx context.Context, in catalog.DetachSignatureInput) (*core.DeletePayload, error)
	BundleOf(ctx context.Context, v *registry.ModelVersion, digest string) ([]byte, error)
	VerificationOf(ctx context.Context, s *registry.Signature) (*catalog.SignatureVerification, error)
}

func newSignature(s *settings) *cobra.Command {
	cmd := &cobra.Command{Use: "signature", Short: "Attach signed bundles to versions, and verify what they prove"}
	cmd.AddCommand(newSignatureAttach(s), newSignatureDetach(s), newSignatureGet(s), newSignatureList(s), newSignatureVerify(s))
	return cmd
}

func newSignatureAttach(s *settings) *cobra.Command {
	return &cobra.Command{
		Use:   "attach MODEL@VERSION FILE",
		Short: "Keep a signed bundle beside a version",
		Long: `Keep a signed bundle beside a version: what model_signing (OpenSSF Model Signing) or a builder
that attests provenance (SLSA) has written. The same bundle again changes nothing.`,
		Example: "  model_signing sign key --private_key release.pem --signature model.sig model/\n  pedigree signature attach credit-approval@1.2.0 model.sig",
		Args:    cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			ref, err := parseVersionRef(args[0])
			if err != nil {
				return err
			}
			bundle, err := readBundle(args[1])
			if err != nil {
				return err
			}
			return withRegistry(cmd, s, existingStore, func(r *connection) error {
				out, err := r.AttachSignature(r.ctx, catalog.AttachSignatureInput{Model: ref.model, Version: ref.version, ID: ref.id, Bundle: bundle})
				if err != nil {
					return err
				}
				text := "attached"
				if !out.Created {
					text = "was there"
				}
				_, err = fmt.Fprintln(cmd.OutOrStdout(), text)
				return err
			})
		},
	}
}

func newSignatureDetach(s *settings) *cobra.Command {
	return &cobra.Command{
		Use:   "detach MODEL@VERSION DIGEST",
		Short: "Remove a signed bundle from a version that is not at work",
		Long: `Remove a signed bundle from a version. DIGEST is that of the bundle, as signature list -o json tells it. The
signatures of a version in CANARY, PRODUCTION or DEPRECATED stay as they are.`,
		Example: "  pedigree signature detach credit-approval@1.2.0 sha256:0f3a…",
		Args:    cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			ref, err := parseVersionRef(args[0])
			if err != nil {
				return err
			}
			return withRegistry(cmd, s, existingStore, func(r *connection) error {
				out, err := r.DetachSignature(r.ctx, catalog.DetachSignatureInput{Model: ref.model, Version: ref.version, ID: ref.id, Digest: args[1]})
				if err != nil {
					return err
				}
				text := "removed"
				if out.DeletedID == nil {
					text = "was not there"
				}
				_, err = fmt.Fprintln(cmd.OutOrStdout(), text)
				return err
			})
		},
	}
}

func newSignatureGet(s *settings) *cobra.Command {
	return &cobra.Command{
		Use:     "get MODEL@VERSION DIGEST",
		Short:   "Print a signed bundle, for a verifier of your own",
		Example: "  pedigree signature get credit-approval@1.2.0 sha256:0f3a… > model.sig",
		Args:    cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			return withRegistry(cmd, s, existingStore, func(r *connection) error {
				v, err := versionOf(r.ctx, r, args[0])
				if err != nil {
					return err
				}
				b, err := r.BundleOf(r.ctx, v, args[1])
				if err != nil {
					return err
				}
				_, err = cmd.OutOrStdout().Write(b)
				return err
			})
		},
	}
}

// readBundle reads a bundle, and no more than one may have.
func readBundle(name string) (string, error) {
	f, err := os.Open(name)
	if err != nil {
		return "", err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, registry.MaxSignatureBytes+1))
	return string(b), err
}

func newSignatureList(s *settings) *cobra.Command {
	var format printFormat
	cmd := &cobra.Command{
		Use: "list MODEL@VERSION", Short: "List the signatures of a version, and what they prove", Args: cobra.ExactArgs(1),
		Example: "  pedigree signature list credit-approval@1.2.0 -o json",
		RunE: func(cmd *cobra.Command, args []string) error {
			return withRegistry(cmd, s, existingStore, func(r *connection) error {
				all, found, err := verifications(r, args[0])
				if err != nil {
					return err
				}
				return printNounsWith(cmd.OutOrStdout(), format, all, signatureColumns(found), func(s *registry.Signature) map[string]any {
					return map[string]any{"verification": found[s.ID]}
				})
			})
		},
	}
	addTrustFlag(cmd)
	addPrintFormat(cmd, &format)
	return cmd
}

func newSignatureVerify(s *settings) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "verify MODEL@VERSION",
		Short: "Fail unless a version has a model signature that holds",
		Long: `Fail unless a version has a model signature by somebody trusted over its files as they are
stored. Without one it prints why, and each file that is not as it was signed. A server decides by its
own trust file, and --trust is for a store.`,
		Example: "  pedigree signature verify credit-approval@1.2.0",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return withRegistry(cmd, s, existingStore, func(r *connection) error {
				all, found, err := verifications(r, args[0])
				if err != nil {
					return err
				}
				for _, s := range all {
					if v := found[s.ID]; s.BundleKind == registry.SignatureOfModel && v.Status == catalog.Signed {
						_, err := fmt.Fprintf(cmd.OutOrStdout(), "SIGNED by %s\n", v.By.Name)
						return err
					}
				}
				for _, s := range all {
					v := found[s.ID]
					fmt.Fprintf(cmd.OutOrStdout(), "%s %s: %s\n", v.Status, s.Digest, v.Reason)
					for _, f := range v.Files {
						fmt.Fprintf(cmd.OutOrStdout(), "  %s %s\n", f.State, f.Path)
					}
				}
				return registry.Errorf(registry.FailedPrecondition, "no signature of %s holds; it has %d", registry.Shorten(args[0], 100), len(all))
			})
		},
	}
	addTrustFlag(cmd)
	return cmd
}

// verifications reads the signatures of a version, and what each proves.
func verifications(r *connection, ref string) ([]*registry.Signature, map[registry.ID]*catalog.SignatureVerification, error) {
	v, err := versionOf(r.ctx, r, ref)
	if err != nil {
		return nil, nil, err
	}
	all, err := allPages(func(p core.Paging) ([]*registry.Signature, core.PageInfo, error) {
		page, err := r.SignaturesOf(r.ctx, v, p)
		if err != nil {
			return nil, core.PageInfo{}, err
		}
		return nodesOf(page.Edges, func(e *catalog.SignatureEdge) *registry.Signature { return e.Node }), page.PageInfo, nil
	})
	if err != nil {
		return nil, nil, err
	}
	found := map[registry.ID]*catalog.SignatureVerification{}
	for _, s := range all {
		if found[s.ID], err = r.VerificationOf(r.ctx, s); err != nil {
			return nil, nil, err
		}
	}
	return all, found, nil
}

// signatureColumns are the columns of a table of signatures.
func signatureColumns(found map[registry.ID]*catalog.SignatureVerification) []column[*registry.Signature] {
	type signature = registry.Signature
	return []column[*signature]{{"ATTACHED", func(s *signature) string { return day(s.AttachedAt) }}, {"KIND", func(s *signature) string { return string(s.BundleKind) }},
		{"STATUS", func(s *signature) string { return string(found[s.ID].Status) }}, {"BY", func(s *signature) string {
			if by := found[s.ID].By; by != nil {
				return by.Name
			}
			return ""
		}}, {"REASON", func(s *signature) string { return found[s.ID].Reason }}}
}
