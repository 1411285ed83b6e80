"""What a stream can be made to hear: sound files and tones, as int16 samples at 8 kHz."""
