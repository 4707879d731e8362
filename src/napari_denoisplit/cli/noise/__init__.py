"""The command `denoisplit noise`: its options, the channels that it works on, its reports."""
