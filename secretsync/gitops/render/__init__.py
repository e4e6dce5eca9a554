"""Sources → objects: plain files, kustomize, Helm."""
