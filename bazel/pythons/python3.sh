#!/bin/sh
# Starts the CPython in this directory tree with the tree's own loader and libraries, from any working directory.
# Its own path, or that of a virtual environment's link to it, becomes argv[0]: CPython finds its home by it, and
# sys.executable is this file again.
self=$0
case $self in
*/*) ;;
*) self=$(command -v -- "$self") ;;
esac
case $self in
/*) ;;
*) self=$PWD/$self ;;
esac
# Only as many links are followed as it takes to find the tree, so that a tree of links (a sandbox) is used as it lies.
file=$self
while [ ! -e "${file%/*}/../lib/@TRIPLET@/@LOADER@" ]; do
  if [ ! -L "$file" ]; then
    echo "$0: no lib/@TRIPLET@/@LOADER@ beside ${file%/*}; this Python's repository is incomplete" >&2
    exit 127
  fi
  link=$(readlink "$file")
  case $link in
  /*) file=$link ;;
  *) file=${file%/*}/$link ;;
  esac
done
root=${file%/*}/..
lib=$root/lib/@TRIPLET@
exec "$lib/@LOADER@" --library-path "$lib" --argv0 "$self" "$root/libexec/python@MINOR@" "$@"
