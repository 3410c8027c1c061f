"""Core ML packages that `dlx export` wrote, read by code that is not ours: coremltools and protoc; and computed in numpy by a
replay of its own. No part of it knows how the exporter works."""
