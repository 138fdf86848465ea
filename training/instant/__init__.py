"""Songs that we synthesise ourselves, and the net that learns from them: the engine `instant`."""
