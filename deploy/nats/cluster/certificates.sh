#!/bin/sh
# Makes certificates in a folder, for 825 days each, at first and anew:
#   sh certificates.sh FOLDER NAME[=ADDRESSES]...
# writes NAME.pem and NAME.key. A node has addresses, such as n1=IP:10.0.0.1 or n1=DNS:n1; a gateway
# has none. The authority is ca.pem and ca.key in the folder. It is made if ca.pem is not there.
set -eu
umask 077
cd -- "$1"
shift
new="openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes"
[ -e ca.pem ] || $new -days 3650 -subj "/CN=Dragoman broker" -addext "keyUsage=critical,keyCertSign,cRLSign" -keyout ca.key -out ca.pem
for name; do
  addresses=${name#"${name%%=*}"}
  name=${name%%=*}
  # An authority has to say more of itself than a name: CA:FALSE keeps these from being one.
  $new -days 825 -CA ca.pem -CAkey ca.key -subj "/CN=$name" -addext "basicConstraints=critical,CA:FALSE" \
    ${addresses:+-addext "subjectAltName$addresses"} -keyout "$name.key" -out "$name.pem"
done
