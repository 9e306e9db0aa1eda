#!/bin/sh
# Makes the keys, certificates and bundles of the tests anew. It needs openssl, and the command
# model_signing 1.1.1 (PyPI: model-signing and pyOpenSSL) in the PATH. The private keys are made for
# this and thrown away.
set -eu
cd "$(dirname "$0")"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for curve in prime256v1 secp384r1; do
	openssl ecparam -name $curve -genkey -noout -out "$work/$curve.pem"
	openssl ec -in "$work/$curve.pem" -pubout -out $curve.pub 2>/dev/null
	model_signing sign key --private_key "$work/$curve.pem" --signature key-$curve.sig model >/dev/null
done
mkdir "$work/other"
cp -r model "$work/other/other-model"
for f in model.pkl config/labels.txt; do echo other >"$work/other/other-model/$f"; done
rm "$work/other/other-model/MLmodel"
model_signing sign key --private_key "$work/prime256v1.pem" --signature other-model.sig "$work/other/other-model" >/dev/null

certificate() { # name, issuer, days, extensions
	openssl ecparam -name prime256v1 -genkey -noout -out "$work/$1.key"
	openssl req -new -key "$work/$1.key" -subj "/O=Pedigree tests/CN=$1" -out "$work/$1.csr"
	printf '%s\n' "$4" >"$work/$1.ext"
	openssl x509 -req -in "$work/$1.csr" -CA "$2.crt" -CAkey "$work/$2.key" -set_serial "0x$(openssl rand -hex 8)" -days "$3" -extfile "$work/$1.ext" -out "$1.crt" 2>/dev/null
}
for root in root other-root; do
	openssl ecparam -name prime256v1 -genkey -noout -out "$work/$root.key"
	openssl req -x509 -new -key "$work/$root.key" -subj "/O=Pedigree tests/CN=$root" -days 7300 -addext "keyUsage=critical,keyCertSign,cRLSign" -out $root.crt
done
certificate intermediate root 7300 "basicConstraints=critical,CA:TRUE,pathlen:0
keyUsage=critical,keyCertSign"
certificate signer intermediate 365 "basicConstraints=critical,CA:FALSE
keyUsage=critical,digitalSignature
extendedKeyUsage=codeSigning
subjectAltName=email:release@example.com"
certificate server intermediate 365 "basicConstraints=critical,CA:FALSE
keyUsage=critical,digitalSignature
extendedKeyUsage=serverAuth"
certificate agreement intermediate 365 "basicConstraints=critical,CA:FALSE
keyUsage=critical,keyAgreement
extendedKeyUsage=codeSigning"
sign() { # bundle, key, chain...
	bundle=$1 key=$2
	shift 2
	model_signing sign certificate --private_key "$work/$key.key" --signing_certificate $key.crt "$@" --signature "$bundle" model >/dev/null
}
sign certificate.sig signer --certificate_chain intermediate.crt
sign certificate-with-root.sig signer --certificate_chain intermediate.crt --certificate_chain root.crt
sign certificate-alone.sig signer --certificate_chain root.crt
sign certificate-of-server.sig server --certificate_chain intermediate.crt
sign certificate-of-agreement.sig agreement --certificate_chain intermediate.crt
rm -f ./*.srl server.crt agreement.crt
