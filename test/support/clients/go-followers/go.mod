module followers

go 1.24.0

require signet.example/signetverify v0.0.0

require github.com/golang-jwt/jwt/v5 v5.3.1 // indirect

replace signet.example/signetverify => ../../../../verifiers/go
