"""The whole AWS stack on this machine: the built template, deployed by the real `sam deploy`
into MiniStack, an emulator of AWS (`make stack`). For development and the stack tests; the
engine for one machine is `local/`."""
