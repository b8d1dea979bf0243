"""The package's version, as it introduces itself to an issuer."""

VERSION = "0.1.0"
