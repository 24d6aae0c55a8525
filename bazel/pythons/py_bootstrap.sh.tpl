#!/bin/sh
# Starts a py_binary with the Python of its toolchain, out of its runfiles. Replaces Bazel's own start script, which is
# itself a Python program: it needs a python3 on the machine before it can start the toolchain's.
main='%main%'
imports='%imports%'

fail() {
  echo "$0: $1" >&2
  exit 1
}

find_runfiles() {
  if [ -n "$RUNFILES_DIR" ] && [ -e "$RUNFILES_DIR/$main" ]; then
    runfiles=$RUNFILES_DIR
    return
  fi
  file=$0
  case $file in
  */*) ;;
  *) file=$(command -v -- "$file") ;;
  esac
  while :; do
    case $file in
    /*) ;;
    *) file=$PWD/$file ;;
    esac
    if [ -d "$file.runfiles" ]; then
      runfiles=$file.runfiles
      return
    fi
    case $file in
    *.runfiles/*)
      runfiles=${file%.runfiles/*}.runfiles
      return
      ;;
    esac
    [ -L "$file" ] || fail "no $0.runfiles; build it with Bazel, without --build_python_zip"
    link=$(readlink "$file")
    case $link in
    /*) file=$link ;;
    *) file=${file%/*}/$link ;;
    esac
  done
}

find_runfiles
path=
add() {
  [ -d "$1" ] && path=$path${path:+:}$1
}
rest=$imports:
while [ -n "$rest" ]; do
  entry=${rest%%:*}
  rest=${rest#*:}
  [ -z "$entry" ] || add "$runfiles/$entry"
done
if [ '%import_all%' = True ]; then
  for directory in "$runfiles"/*; do
    add "$directory"
  done
else
  add "$runfiles/%workspace_name%"
fi

export PYTHONPATH="$path${PYTHONPATH:+:$PYTHONPATH}"
# Do not import from the main program's own directory.
export PYTHONSAFEPATH=1
[ -n "$RUNFILES_DIR$RUNFILES_MANIFEST_FILE" ] || export RUNFILES_DIR="$runfiles"
[ -r "$runfiles/$main" ] || fail "$runfiles has no $main"
exec "$runfiles/%python_binary%" "$runfiles/$main" "$@"
