#!/bin/sh
# Makes the certificates beside it, for servers of tests on loopback. Their keys protect nothing and are public.
set -eu
cd "$(dirname "$0")"
work=$(mktemp -d)
trap 'rm -r "$work"' EXIT

key() { openssl ecparam -name prime256v1 -genkey -noout -out "$work/$1.key"; }

# sign NAME EXTENSION STARTS ENDS [-selfsign]: a certificate for the key NAME, from our authority or from itself.
sign() {
    openssl req -new -key "$work/$1.key" -subj "/CN=$1" -out "$work/$1.csr"
    echo "$2" >"$work/$1.ext"
    openssl ca -batch -notext -config "$work/ca.conf" -in "$work/$1.csr" -out "$work/$1.crt" -extfile "$work/$1.ext" \
        -startdate "$3" -enddate "$4" -keyfile "$work/$(if [ $# = 5 ]; then echo "$1"; else echo authority; fi).key" ${5:-} 2>/dev/null
}

cat >"$work/ca.conf" <<CONF
[ca]
default_ca = ours
[ours]
database = $work/index
serial = $work/serial
new_certs_dir = $work
certificate = authority.pem
default_md = sha256
policy = any
copy_extensions = none
[any]
commonName = supplied
CONF
: >"$work/index"
echo 01 >"$work/serial"

for name in authority good expired wrong-host self-signed; do key "$name"; done
hosts='subjectAltName=IP:127.0.0.1,DNS:modelarts.example.com'
sign authority 'basicConstraints=critical,CA:TRUE' 20200101000000Z 21200101000000Z -selfsign
cp "$work/authority.crt" authority.pem
sign good "$hosts" 20200101000000Z 21200101000000Z
sign expired "$hosts" 20200101000000Z 20210101000000Z
sign wrong-host 'subjectAltName=DNS:elsewhere.example.com' 20200101000000Z 21200101000000Z
sign self-signed "$hosts" 20200101000000Z 21200101000000Z -selfsign
for name in good expired wrong-host self-signed; do cat "$work/$name.key" "$work/$name.crt" >"$name.pem"; done
