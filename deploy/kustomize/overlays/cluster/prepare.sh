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
sh "$nats/certificates.sh" site node=DNS:nats-0.nats,DNS:nats-1.nats,DNS:nats-2.nats broker
echo "made site; keep site/ca.key and site/host somewhere safe, and not in the cluster" >&2
