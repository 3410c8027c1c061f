// What examples/android uses of the runtime's class of this name; for the compiler alone.
package org.pytorch.executorch;

public abstract class Tensor {
    public static Tensor fromBlob(long[] data, long[] shape) {
        throw new UnsupportedOperationException();
    }

    public abstract long[] getDataAsLongArray();

    public abstract float[] getDataAsFloatArray();
}
