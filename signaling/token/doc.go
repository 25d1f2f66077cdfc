// Package token says who may enter a room of a hub that isn't open: PROTOCOL.md,
// section 8. A token is a JWT (RFC 7519), signed with EdDSA (RFC 8037, Ed25519)
// and nothing else.
//
//	backend                          client                       hub
//	  private key                      │                            public keys
//	  Sign(room, sub, exp, …) ────────▶│  hello  token ────────────▶│  Authorize
//
// What runs the hub has the public keys ([ReadKeys]) and asks an [Authorizer]:
//
//	keys, err := token.ReadKeys("backend.pub.pem")
//	…
//	hub := signaling.NewHub(&signaling.Options{Authorize: token.NewAuthorizer(keys, nil).Authorize})
//
// What makes tokens has a private key ([ReadPrivateKey]) and calls [Sign]. So does
// any JWT library of any language: signaling/testdata/tokens.json holds tokens
// to test one with.
//
// Keys are changed without a gap in three steps: the hub gets the new key beside the old
// one ([Authorizer.SetKeys]), the backend signs with the new one, and the hub
// drops the old one when the last token of it has expired.
package token
