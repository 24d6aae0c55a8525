#!/bin/sh
exec my-ops "$@"
