// What examples/android uses of the runtime's class of this name; for the compiler alone.
package org.pytorch.executorch;

public class Module {
    public static final int LOAD_MODE_MMAP = 1;

    public static Module load(String path, int loadMode) {
        throw new UnsupportedOperationException();
    }

    public EValue[] execute(String method, EValue... inputs) {
        throw new UnsupportedOperationException();
    }
}
