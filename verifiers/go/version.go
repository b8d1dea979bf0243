package signetverify

// Version is the version of this module, as it appears in User-Agent.
const Version = "0.2.0"
