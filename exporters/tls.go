package exporters

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync/atomic"
	"unicode"
)

// maxPEM bounds the files that TLS reads; the certificates of all public
// authorities take a quarter of it.
const maxPEM = 1 << 20

// TLS is how an exporter, as a client, proves its peer and itself, under the
// names that the Collector's configtls has. The zero value trusts what the
// system trusts.
type TLS struct {
	// CAFile holds the certificates, in PEM, of the authorities to trust
	// instead of the system's. It is read once.
	CAFile string `yaml:"ca_file"`
	// CertFile and KeyFile are the client's own certificate, with the chain
	// behind it, and its key, in PEM. They are read again at each handshake, so
	// that renewed ones need no restart.
	CertFile string `yaml:"cert_file"`
	KeyFile  string `yaml:"key_file"`
	// ServerName is the name that the server's certificate has to be for, if
	// that is not the one in the endpoint.
	ServerName string `yaml:"server_name_override"`
	// MinVersion is the lowest version of TLS to speak: 1.2, also if it is
	// empty, or 1.3.
	MinVersion string `yaml:"min_version"`
	// InsecureSkipVerify takes any certificate from the server, also that of an
	// attacker on the way, who then reads all there is to read.
	InsecureSkipVerify bool `yaml:"insecure_skip_verify"`
}

// Validate reports what is wrong with t, without touching the disk. Errors
// name keys below the key tls, and show nothing of what stands where the name
// of a file should.
func (t TLS) Validate() error {
	var errs []error
	for _, file := range []struct{ key, path string }{{"ca_file", t.CAFile}, {"cert_file", t.CertFile}, {"key_file", t.KeyFile}} {
		if !isFileName(file.path) {
			errs = append(errs, fmt.Errorf("tls.%s: want the name of a file, not what stands in it", file.key))
		}
	}
	if t.CertFile != "" && t.KeyFile == "" {
		errs = append(errs, errors.New("tls.key_file: missing, cert_file needs its key"))
	}
	if t.KeyFile != "" && t.CertFile == "" {
		errs = append(errs, errors.New("tls.cert_file: missing, key_file needs its certificate"))
	}
	if t.MinVersion != "" {
		errs = append(errs, OneOf("tls.min_version", t.MinVersion, "1.2", "1.3"))
	}
	return errors.Join(errs...)
}

// Check reports files that cannot be read, or do not hold what they should.
func (t TLS) Check() error {
	_, err := t.Client()
	return err
}

// Client returns the settings for connections of a client.
func (t TLS) Client() (*tls.Config, error) {
	if err := t.Validate(); err != nil {
		return nil, err
	}
	cfg := &tls.Config{
		MinVersion:         tls.VersionTLS12,
		ServerName:         t.ServerName,
		InsecureSkipVerify: t.InsecureSkipVerify, //nolint:gosec // Asked for by name.
	}
	if t.MinVersion == "1.3" {
		cfg.MinVersion = tls.VersionTLS13
	}
	if t.CAFile != "" {
		pem, err := readPEM(t.CAFile)
		if err != nil {
			return nil, fmt.Errorf("tls.ca_file: %w", err)
		}
		cfg.RootCAs = x509.NewCertPool()
		if !cfg.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("tls.ca_file: %q holds no certificate in PEM: write the path of a file in which one begins with -----BEGIN CERTIFICATE-----", t.CAFile)
		}
	}
	if t.CertFile != "" {
		pair, err := t.pair()
		if err != nil {
			return nil, err
		}
		var last atomic.Pointer[tls.Certificate]
		last.Store(pair)
		cfg.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			// Files that are being replaced may not fit together for a moment.
			if pair, err := t.pair(); err == nil {
				last.Store(pair)
			}
			return last.Load(), nil
		}
	}
	return cfg, nil
}

// pair reads the client's certificate.
func (t TLS) pair() (*tls.Certificate, error) {
	cert, err := readPEM(t.CertFile)
	if err != nil {
		return nil, fmt.Errorf("tls.cert_file: %w", err)
	}
	key, err := readPEM(t.KeyFile)
	if err != nil {
		return nil, fmt.Errorf("tls.key_file: %w", err)
	}
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		return nil, fmt.Errorf("tls.cert_file: %q with key_file %q: %w", t.CertFile, t.KeyFile, err)
	}
	return &pair, nil
}

// maxName bounds the names of files, in bytes; it is Linux's PATH_MAX.
const maxName = 4096

// isFileName reports whether s may be the name of a file. It is not if it is the
// contents of one, a private key for instance, which no error must repeat, or a
// URL, which may hold a password.
func isFileName(s string) bool {
	return len(s) < maxName && !strings.Contains(s, "-----BEGIN") && !strings.Contains(s, "://") &&
		!strings.ContainsFunc(s, unicode.IsControl)
}

// readPEM reads a file that no key or certificate would make long. Links are
// followed: orchestrators mount secrets by them.
func readPEM(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() { // opening a FIFO would block
		return nil, fmt.Errorf("%q is no regular file", path)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	pem, err := io.ReadAll(io.LimitReader(f, maxPEM+1))
	if err == nil && len(pem) > maxPEM {
		err = fmt.Errorf("%q is larger than %d bytes", path, maxPEM)
	}
	return pem, err
}
