"""The timeline: ruler, waveforms, spectrogram and playhead on one axis of time."""
