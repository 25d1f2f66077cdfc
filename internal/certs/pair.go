package certs

import (
	"crypto"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
)

// readPair reads a certificate and its key. The errors are sentences that name the file.
func readPair(certFile, keyFile string) (*tls.Certificate, error) {
	chain, err := readChain(certFile, "certificate")
	if err != nil {
		return nil, err
	}
	key, err := readKey(keyFile)
	if err != nil {
		return nil, err
	}
	for i, c := range chain {
		if !belongs(key, c) {
			continue
		}
		if i > 0 {
			return nil, fmt.Errorf("%s begins with another certificate than the one that the key in %s belongs to: put that one first", certFile, keyFile)
		}
		return &tls.Certificate{Certificate: raw(chain), PrivateKey: key, Leaf: c}, nil
	}
	return nil, fmt.Errorf("the key in %s doesn't belong to the certificate in %s: name the two files that were made together", keyFile, certFile)
}

func raw(chain []*x509.Certificate) (all [][]byte) {
	for _, c := range chain {
		all = append(all, c.Raw)
	}
	return all
}

func readChain(file, what string) ([]*x509.Certificate, error) {
	content, err := read(file, what)
	if err != nil {
		return nil, err
	}
	var chain []*x509.Certificate
	others := ""
	for block, rest := pem.Decode(content); block != nil; block, rest = pem.Decode(rest) {
		if block.Type != "CERTIFICATE" {
			others = block.Type
			continue
		}
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("certificate %d in %s is damaged: %w", len(chain)+1, file, err)
		}
		chain = append(chain, c)
	}
	switch {
	case len(chain) > 0:
		return chain, nil
	case strings.Contains(others, "PRIVATE KEY"):
		return nil, fmt.Errorf("%s holds a key and no certificate: are the two files swapped?", file)
	}
	return nil, fmt.Errorf("%s holds no certificate: it should be PEM, with a line -----BEGIN CERTIFICATE-----", file)
}

func readKey(file string) (crypto.Signer, error) {
	content, err := read(file, "key")
	if err != nil {
		return nil, err
	}
	others := ""
	for block, rest := pem.Decode(content); block != nil; block, rest = pem.Decode(rest) {
		switch {
		case !strings.HasSuffix(block.Type, "PRIVATE KEY"):
			others = block.Type
		case strings.HasPrefix(block.Type, "ENCRYPTED") || block.Headers["DEK-Info"] != "":
			return nil, fmt.Errorf("the key in %s has a passphrase, which nobody is there to type: take it off with openssl pkey -in %[1]s -out NEW", file)
		default:
			key, err := parseKey(block.Bytes)
			if err != nil {
				return nil, fmt.Errorf("the key in %s can't be used: %w", file, err)
			}
			return key, nil
		}
	}
	if others == "CERTIFICATE" {
		return nil, fmt.Errorf("%s holds a certificate and no key: name the file of its key", file)
	}
	return nil, fmt.Errorf("%s holds no key: it should be PEM, with a line -----BEGIN PRIVATE KEY-----", file)
}

// parseKey reads a key in any of the forms that tools write: PKCS #8, PKCS #1, SEC 1.
func parseKey(der []byte) (crypto.Signer, error) {
	if key, err := x509.ParsePKCS8PrivateKey(der); err == nil {
		if signer, ok := key.(crypto.Signer); ok {
			return signer, nil
		}
		return nil, errors.New("it is of a kind that signs nothing; RSA and ECDSA are what browsers take")
	}
	if key, err := x509.ParsePKCS1PrivateKey(der); err == nil {
		return key, nil
	}
	if key, err := x509.ParseECPrivateKey(der); err == nil {
		return key, nil
	}
	return nil, errors.New("it is damaged, or neither RSA nor ECDSA nor Ed25519")
}

func belongs(key crypto.Signer, c *x509.Certificate) bool {
	public, ok := key.Public().(interface{ Equal(crypto.PublicKey) bool })
	return ok && public.Equal(c.PublicKey)
}

func read(file, what string) ([]byte, error) {
	content, err := os.ReadFile(file)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("the file of the %s isn't there: %s", what, file)
	case errors.Is(err, fs.ErrPermission):
		return nil, fmt.Errorf("the file of the %s, %s, may not be read: give the user that runs this the right to", what, file)
	case err != nil:
		return nil, fmt.Errorf("the file of the %s, %s, can't be read: %w", what, file, err)
	}
	return content, nil
}

// names are those that a certificate is for.
func names(c *x509.Certificate) []string {
	all := append([]string(nil), c.DNSNames...)
	for _, ip := range c.IPAddresses {
		all = append(all, ip.String())
	}
	return all
}
