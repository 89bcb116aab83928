#!/bin/sh
# Makes ./site for kustomization.yaml: the keys of the host, the certificates and the broker's
# configuration. Run it once, where `dragoman` is installed, and keep `site` as you keep keys.
set -eu
umask 077
cd -- "$(dirname -- "$0")"
if [ -e site ]; then
  echo "site is there already: nothing was made, because new keys would begin another host" >&2
  exit 1
fi
nats=../../../nats/cluster
mkdir site
dragoman init --data site/host
cp -R site/host/keys site/keys
cp site/host/keys/log/log/log/log.seed site/host/operator.token site/
dragoman keys broker nats-0.nats nats-1.nats nats-2.nats --data site/host --store /var/lib/nats \
  --store-bytes "${STORE_BYTES:-96636764160}" > site/site.conf
cp "$nats/nats.conf" site/
new="openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes"
leaf="basicConstraints=critical,CA:FALSE" # an authority has to say more of itself
names="DNS:nats-0.nats,DNS:nats-1.nats,DNS:nats-2.nats"
$new -days 3650 -subj "/CN=Dragoman broker" -addext "keyUsage=critical,keyCertSign,cRLSign" -keyout site/ca.key -out site/ca.pem
$new -days 825 -CA site/ca.pem -CAkey site/ca.key -subj "/CN=nats" -addext "$leaf" -addext "subjectAltName=$names" \
  -keyout site/node.key -out site/node.pem
$new -days 825 -CA site/ca.pem -CAkey site/ca.key -subj "/CN=dragoman" -addext "$leaf" \
  -keyout site/broker.key -out site/broker.pem
echo "made site; keep site/ca.key and site/host somewhere safe, and not in the cluster" >&2
