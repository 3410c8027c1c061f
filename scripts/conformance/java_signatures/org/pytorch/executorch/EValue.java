// What examples/android uses of the runtime's class of this name; for the compiler alone.
package org.pytorch.executorch;

public class EValue {
    public static EValue from(Tensor value) {
        throw new UnsupportedOperationException();
    }

    public Tensor toTensor() {
        throw new UnsupportedOperationException();
    }

    public boolean toBool() {
        throw new UnsupportedOperationException();
    }

    public long toInt() {
        throw new UnsupportedOperationException();
    }

    public double toDouble() {
        throw new UnsupportedOperationException();
    }
}
