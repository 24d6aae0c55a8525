#!/bin/sh
# Runs a command on this machine as it would be without Debian: a mount namespace of its own hides Debian's tools, apt's
# configuration and Debian's keyrings, and /etc/os-release names another system. The command does not run as root.
#
#     without_debian.sh EMPTY_DIRECTORY APT_DIRECTORY COMMAND…
#
# APT_DIRECTORY is what the command sees as /etc/apt.
if [ "$1" != --inside ]; then
  exec unshare --user --map-root-user --mount -- "$0" --inside "$@"
fi
set -e
empty=$2
apt=$3
shift 3
none=$empty/../no-program
: > "$none"
printf 'ID=other\nNAME="Another Linux"\n' > "$empty/../os-release"
mount --bind "$empty/../os-release" "$(readlink -f /etc/os-release)"
for tool in apt apt-cache apt-config apt-get apt-key apt-mark dpkg dpkg-deb dpkg-query; do
  for directory in /bin /usr/bin; do
    [ ! -e "$directory/$tool" ] || mount --bind "$none" "$directory/$tool"
  done
done
for directory in /usr/share/keyrings /var/lib/apt /var/lib/dpkg; do
  [ ! -d "$directory" ] || mount --bind "$empty" "$directory"
done
[ ! -d /etc/apt ] || mount --bind "$apt" /etc/apt
exec unshare --user --map-user=1000 --map-group=1000 -- "$@"
