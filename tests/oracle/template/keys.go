package main

import (
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"hash"
	"strings"

	"github.com/lestrrat-go/jwx/v2/jwk"
	"software.sslmate.com/src/go-pkcs12"
)

var keyFunctions = map[string]any{
	"pkcs12key":      func(in string) (string, error) { return storedKey("", in) },
	"pkcs12keyPass":  storedKey,
	"pkcs12cert":     func(in string) (string, error) { return storedCertificates("", in) },
	"pkcs12certPass": storedCertificates,
	"pemToPkcs12": func(cert, key string) (string, error) {
		return keystore(cert, key, "", false)
	},
	"pemToPkcs12Pass": func(cert, key, pass string) (string, error) {
		return keystore(cert, key, pass, false)
	},
	"fullPemToPkcs12": func(cert, key string) (string, error) {
		return keystore(cert, key, "", true)
	},
	"fullPemToPkcs12Pass": func(cert, key, pass string) (string, error) {
		return keystore(cert, key, pass, true)
	},
	"pemTruststoreToPKCS12":     func(cert string) (string, error) { return truststore(cert, "") },
	"pemTruststoreToPKCS12Pass": truststore,
	"filterPEM":                 filterPEM,
	"filterCertChain":           filterCertChain,
	"certSANs":                  certSANs,
	"jwkPublicKeyPem":           func(in string) (string, error) { return jwkPem(in, "PUBLIC KEY") },
	"jwkPrivateKeyPem":          func(in string) (string, error) { return jwkPem(in, "PRIVATE KEY") },
	"rsaDecrypt":                rsaDecrypt,
}

const certificateType = "CERTIFICATE"

func encoded(kind string, data []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: data}))
}

func privateKey(der []byte) (any, error) {
	for _, parse := range []func([]byte) (any, error){
		func(der []byte) (any, error) { return x509.ParsePKCS1PrivateKey(der) },
		x509.ParsePKCS8PrivateKey,
		func(der []byte) (any, error) { return x509.ParseECPrivateKey(der) },
	} {
		if key, err := parse(der); err == nil {
			return key, nil
		}
	}
	return nil, errors.New("no private key")
}

func storedKey(pass, in string) (string, error) {
	key, _, _, err := pkcs12.DecodeChain([]byte(in), pass)
	if err != nil {
		return "", err
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	return encoded("PRIVATE KEY", der), err
}

func storedCertificates(pass, in string) (string, error) {
	_, leaf, others, err := pkcs12.DecodeChain([]byte(in), pass)
	if err != nil {
		return "", err
	}
	all := append([]*x509.Certificate{leaf}, others...)
	if ordered, err := chain(all); err == nil {
		all = ordered
	}
	var out strings.Builder
	for _, cert := range all {
		out.WriteString(encoded(certificateType, cert.Raw))
	}
	return out.String(), nil
}

// The operator runs into nil where there is no PEM, and the template fails.
func certificatesOf(text string) (found []*x509.Certificate, err error) {
	for rest := []byte(text); len(rest) > 0; {
		var block *pem.Block
		block, rest = pem.Decode(rest)
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, err
		}
		found = append(found, cert)
	}
	return found, nil
}

func keystore(certs, key, pass string, whole bool) (string, error) {
	block, rest := pem.Decode([]byte(certs))
	leaf, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return "", err
	}
	var others []*x509.Certificate
	if whole {
		if others, err = certificatesOf(string(rest)); err != nil {
			return "", err
		}
	}
	keyBlock, _ := pem.Decode([]byte(key))
	parsed, err := privateKey(keyBlock.Bytes)
	if err != nil {
		return "", err
	}
	pfx, err := pkcs12.Modern.Encode(parsed, leaf, others, pass)
	return base64.StdEncoding.EncodeToString(pfx), err
}

func truststore(certs, pass string) (string, error) {
	all, err := certificatesOf(certs)
	if err != nil {
		return "", err
	}
	pfx, err := pkcs12.Modern.EncodeTrustStore(all, pass)
	return base64.StdEncoding.EncodeToString(pfx), err
}

func fromFirstBlock(text string) string {
	if at := strings.Index(text, "-----BEGIN"); at >= 0 {
		return text[at:]
	}
	return text
}

func filterPEM(kind, text string) (string, error) {
	var out strings.Builder
	rest := []byte(fromFirstBlock(text))
	for {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		if strings.EqualFold(block.Type, kind) {
			if err := pem.Encode(&out, block); err != nil {
				return "", err
			}
		}
	}
	if out.Len() == 0 && len(rest) > 0 {
		return "", errors.New("junk")
	}
	return out.String(), nil
}

// chain orders certificates from the leaf up, by their key identifiers.
func chain(certs []*x509.Certificate) ([]*x509.Certificate, error) {
	parents := make([]int, len(certs))
	isParent := make([]bool, len(certs))
	for child := range certs {
		parents[child] = -1
		for other := range certs {
			same := string(certs[child].AuthorityKeyId) == string(certs[other].SubjectKeyId)
			if other != child && same {
				parents[child], isParent[other] = other, true
				break
			}
		}
	}
	leaf := -1
	for index, is := range isParent {
		if !is && leaf >= 0 {
			return nil, errors.New("two leaves")
		}
		if !is {
			leaf = index
		}
	}
	if leaf < 0 {
		return nil, errors.New("no leaf")
	}
	var ordered []*x509.Certificate
	for ; leaf >= 0; leaf = parents[leaf] {
		if len(ordered) == len(certs) {
			return nil, errors.New("cycle")
		}
		ordered = append(ordered, certs[leaf])
	}
	return ordered, nil
}

func isRoot(cert *x509.Certificate) bool {
	return cert.AuthorityKeyId == nil || string(cert.AuthorityKeyId) == string(cert.SubjectKeyId)
}

func filterCertChain(kind, text string) (string, error) {
	var certs []*x509.Certificate
	for block, rest := pem.Decode([]byte(text)); block != nil; block, rest = pem.Decode(rest) {
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return "", err
		}
		certs = append(certs, cert)
	}
	ordered, err := chain(certs)
	if err != nil {
		return "", err
	}
	var out strings.Builder
	first, last := ordered[0], ordered[len(ordered)-1]
	switch {
	case kind == "leaf" && !isRoot(first):
		out.WriteString(encoded(certificateType, first.Raw))
	case kind == "root" && isRoot(last):
		out.WriteString(encoded(certificateType, last.Raw))
	case kind == "intermediate":
		for _, cert := range ordered[1:] {
			if isRoot(cert) {
				break
			}
			out.WriteString(encoded(certificateType, cert.Raw))
		}
	}
	return out.String(), nil
}

func certSANs(text string) ([]string, error) {
	block, _ := pem.Decode([]byte(fromFirstBlock(text)))
	if block == nil {
		return nil, errors.New("no PEM")
	}
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return nil, err
	}
	names := append([]string{}, cert.DNSNames...)
	for _, address := range cert.IPAddresses {
		names = append(names, address.String())
	}
	names = append(names, cert.EmailAddresses...)
	for _, uri := range cert.URIs {
		names = append(names, uri.String())
	}
	return names, nil
}

func jwkPem(text, kind string) (string, error) {
	key, err := jwk.ParseKey([]byte(text))
	if err != nil {
		return "", err
	}
	var raw any
	if err := key.Raw(&raw); err != nil {
		return "", err
	}
	marshal := x509.MarshalPKCS8PrivateKey
	if kind == "PUBLIC KEY" {
		marshal = x509.MarshalPKIXPublicKey
	}
	der, err := marshal(raw)
	if err != nil {
		return "", err
	}
	return encoded(kind, der), nil
}

func rsaDecrypt(scheme, digest, ciphertext, key string) (string, error) {
	if scheme == "None" {
		return ciphertext, nil
	}
	if scheme != "RSA-OAEP" {
		return "", errors.New("unknown scheme")
	}
	block, _ := pem.Decode([]byte(key))
	if block == nil {
		return "", errors.New("no PEM")
	}
	parsed, err := privateKey(block.Bytes)
	if err != nil {
		return "", err
	}
	private, is := parsed.(*rsa.PrivateKey)
	if !is {
		return "", errors.New("no RSA key")
	}
	hashes := map[string]func() hash.Hash{"SHA1": sha1.New, "SHA512": sha512.New}
	make, known := hashes[digest]
	if !known {
		make = sha256.New
	}
	out, err := rsa.DecryptOAEP(make(), nil, private, []byte(ciphertext), nil)
	return string(out), err
}
