# Sourced. export_realenv DIR: unpacks the prebuilt real components into DIR when this machine has them beside the
# checkout, and exports KUBE_APISERVER, QEMU_RDT_BIN and VMLINUZ; and TIDELINE_TRACES, where it has real traces. What is
# not there stays unset, and the tests that want it are skipped and say so. A variable that is set already stays.
export_realenv() {
  local store=../shared/realenv/bin traces=../shared/traces into=$1 packed name
  [[ -d $traces ]] && export TIDELINE_TRACES=${TIDELINE_TRACES:-$(readlink -f "$traces")}
  [[ -d $store ]] || return 0
  mkdir -p "$into"
  for packed in "$store"/*.xz; do
    name=$into/$(basename "${packed%.xz}")
    [[ -e $name ]] && continue
    xz --decompress --stdout "$packed" >"$name.part" && chmod +x "$name.part" && mv "$name.part" "$name"
  done
  into=$(readlink -f "$into")
  [[ -x $into/kube-apiserver ]] && export KUBE_APISERVER=${KUBE_APISERVER:-$into/kube-apiserver}
  [[ -x $into/qemu-rdt ]] && export QEMU_RDT_BIN=${QEMU_RDT_BIN:-$into/qemu-rdt}
  for name in "$into"/vmlinuz-*; do
    [[ -e $name ]] && export VMLINUZ=${VMLINUZ:-$name}
  done
  return 0
}
