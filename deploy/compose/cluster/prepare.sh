#!/bin/sh
# Makes ./site and ./data for compose.yaml: keys, certificates and settings. Run it once, as root,
# where `dragoman` is installed. The image's user (10001) owns what it makes.
set -eu
umask 077
cd -- "$(dirname -- "$0")"
if [ -e site ] || [ -e data ]; then
  echo "site or data is there already: nothing was made, because new keys would begin another host" >&2
  exit 1
fi
nats=../../nats/cluster
mkdir site data
dragoman init --data data/g1
rm data/g1/place.json # it is written where the data are used first
keys=data/g1/keys
dragoman keys broker n1 n2 n3 --data data/g1 --store /var/lib/nats \
  --store-bytes "${STORE_BYTES:-10737418240}" > site/site.conf
for n in n1 n2 n3; do
  mkdir "site/$n" "data/$n"
  sed "s/\"n1\"/\"$n\"/; s/10\.0\.0\.1:/$n:/" "$nats/node.conf" > "site/$n/node.conf"
  sed "s#/var/lib/nats/#/etc/nats/#" "$nats/tls.conf" > "site/$n/tls.conf"
  cp "$nats/nats.conf" site/site.conf "site/$n/"
done
for service in g1 g2 scheduler notifier signer; do
  mkdir -p "site/$service/keys" "data/$service"
  case $service in
    g1) users="steward gateway warden keeper" ;;
    signer) users="registrar" ;;
    *) users="steward gateway warden" ;;
  esac
  for user in $users; do cp "$keys/nats-$user.nk" "site/$service/keys/"; done
done
mkdir data/signer/keys
cp -R "$keys/log" data/signer/keys/log
chown -R 10001:10001 data
sh certificates.sh
echo "made site and data; keep site/ca.key off this machine, and back up data/g1/keys" >&2
