#!/bin/sh
# Puts certificates into ./site, at first (prepare.sh calls it) and anew. Run it as root.
set -eu
umask 077
cd -- "$(dirname -- "$0")"
services="g1 g2 scheduler notifier signer"
sh ../../nats/cluster/certificates.sh "$PWD/site" n1=DNS:n1 n2=DNS:n2 n3=DNS:n3 $services
for name in n1 n2 n3 $services; do
  case $name in n?) own=node ;; *) own=broker ;; esac
  cp site/ca.pem "site/$name/"
  mv "site/$name.key" "site/$name/$own.key"
  mv "site/$name.pem" "site/$name/$own.pem"
done
chown -R 10001:10001 site
