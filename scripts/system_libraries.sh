#!/usr/bin/env bash
# Looks for the system libraries that Qt and OpenGL need on Linux, and installs what is missing
# where it may (root, or sudo without a password).
#
#   scripts/system_libraries.sh          what a napari window needs
#   scripts/system_libraries.sh --test   the same, and Xvfb where there is no display
#
# Exit status: 0 everything is there; 3 something is missing and was not installed.
set -u -o pipefail

[ "$(uname -s)" = Linux ] || exit 0

# library that Qt or OpenGL loads : Debian package that holds it
needs="
libGL.so.1:libgl1
libEGL.so.1:libegl1
libGLX_mesa.so.0:libglx-mesa0
libX11-xcb.so.1:libx11-xcb1
libxkbcommon-x11.so.0:libxkbcommon-x11-0
libxcb-cursor.so.0:libxcb-cursor0
libxcb-icccm.so.4:libxcb-icccm4
libxcb-image.so.0:libxcb-image0
libxcb-keysyms.so.1:libxcb-keysyms1
libxcb-randr.so.0:libxcb-randr0
libxcb-render-util.so.0:libxcb-render-util0
libxcb-shape.so.0:libxcb-shape0
libxcb-sync.so.1:libxcb-sync1
libxcb-xfixes.so.0:libxcb-xfixes0
libxcb-xkb.so.1:libxcb-xkb1
libdbus-1.so.3:libdbus-1-3
libfontconfig.so.1:libfontconfig1
libglib-2.0.so.0:libglib2.0-0
"

# /sbin is not on the path of an ordinary Debian user.
known=$(PATH="$PATH:/sbin:/usr/sbin" ldconfig -p 2>/dev/null)
if [ -z "$known" ]; then
    echo "system_libraries.sh: no ldconfig here, system libraries not checked" >&2
    exit 0
fi

missing=()
for need in $needs; do
    grep -qF "${need%%:*} " <<<"$known" || missing+=("${need##*:}")
done
if [ "${1:-}" = --test ] && [ -z "${DISPLAY:-}${WAYLAND_DISPLAY:-}" ]; then
    command -v xvfb-run >/dev/null || missing+=(xvfb)
    command -v xauth >/dev/null || missing+=(xauth)
fi
[ ${#missing[@]} -eq 0 ] && exit 0

as_root=()
if [ "$(id -u)" -ne 0 ]; then
    as_root=(sudo -n)
fi
if command -v apt-get >/dev/null && { [ "$(id -u)" -eq 0 ] || sudo -n true 2>/dev/null; }; then
    echo "Installing system libraries: ${missing[*]}"
    export DEBIAN_FRONTEND=noninteractive
    "${as_root[@]}" apt-get update -qq
    if "${as_root[@]}" apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null; then
        exit 0
    fi
fi

cat >&2 <<EOF
A napari window needs system libraries that are not installed. As an administrator:

    apt-get install ${missing[*]}

(these are the names of Debian and Ubuntu; other distributions have the same libraries.)
EOF
exit 3
