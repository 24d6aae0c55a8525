#!/bin/sh
# Starts the CPython in this directory tree with the tree's own loader and libraries, from any working directory.
# This file's path, or that of a virtual environment's link to it, becomes argv[0]: CPython finds its home with it, and
# sys.executable names this file.
self=$0
case $self in
*/*) ;;
*) self=$(command -v -- "$self") ;;
esac
case $self in
/*) ;;
*) self=$PWD/$self ;;
esac
# Follow links only until the tree is found, so that a tree of links (a sandbox) is used in its own place.
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
# The loader, like all programs here, may be for another CPU than the machine's. The variable then names an emulator.
exec ${RULES_DEEPGEMM_EMULATOR:+"$RULES_DEEPGEMM_EMULATOR"} "$lib/@LOADER@" --library-path "$lib" --argv0 "$self" "$root/libexec/python@MINOR@" "$@"
