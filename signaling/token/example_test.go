package token_test

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"log"
	"net/http"
	"time"

	"github.com/snug-chat/snug/signaling"
	"github.com/snug-chat/snug/signaling/token"
)

// A backend that knows its users makes tokens for them.
func ExampleSign() {
	key, err := token.ReadPrivateKey("testdata/openssl.pem")
	if err != nil {
		log.Fatal(err)
	}
	http.HandleFunc("GET /token", func(w http.ResponseWriter, r *http.Request) {
		signed, err := token.Sign(key, "", token.Claims{
			Room:    "lobby",
			Subject: "ann", // whoever is logged in
			Expires: time.Now().Add(time.Hour),
			ID:      "lobby ann", // the same each time: with a newer token a kick still holds
		})
		if err != nil {
			http.Error(w, "No token can be made now.", http.StatusInternalServerError)
			return
		}
		fmt.Fprint(w, signed)
	})
}

func ExampleAuthorizer() {
	keys, err := token.ReadKeys("testdata/openssl.pub.pem")
	if err != nil {
		log.Fatal(err)
	}
	authorizer := token.NewAuthorizer(keys, &token.Options{MaxAge: time.Hour})
	hub := signaling.NewHub(&signaling.Options{Authorize: authorizer.Authorize})
	defer hub.Shutdown(context.Background())
	// http.ListenAndServe(":8080", hub)
}

// The hub gets the new key beside the old one, and loses the old one when its last token has expired.
func ExampleAuthorizer_SetKeys() {
	older, newer := token.GenerateKey(), token.GenerateKey()
	public := func(keys ...token.Key) *token.Keys {
		all, err := token.NewKeys(keys...)
		if err != nil {
			log.Fatal(err)
		}
		return all
	}
	old := token.Key{ID: "may", Public: older.Public().(ed25519.PublicKey)}
	next := token.Key{ID: "june", Public: newer.Public().(ed25519.PublicKey)}

	a := token.NewAuthorizer(public(old), nil)
	signed, err := token.Sign(newer, "june", token.Claims{Room: "lobby", Subject: "ann", Expires: time.Now().Add(time.Hour)})
	if err != nil {
		log.Fatal(err)
	}
	_, err = a.Authorize(context.Background(), signaling.AuthRequest{Room: "lobby", Token: signed})
	var refusal *signaling.Error
	fmt.Println(errors.As(err, &refusal), err)

	a.SetKeys(public(old, next))
	grant, err := a.Authorize(context.Background(), signaling.AuthRequest{Room: "lobby", Token: signed})
	fmt.Println(grant.Identity, grant.Permissions.Names(), err)
	// Output:
	// true signaling: This token isn't signed with a key of this hub. (token)
	// ann [join] <nil>
}

func ExampleParseKeys() {
	keys, err := token.ParseKeys("jwks.json", []byte(`{"keys":[
		{"kty":"OKP","crv":"Ed25519","kid":"may","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"},
		{"kty":"EC","crv":"P-256","kid":"for something else","x":"","y":""}]}`))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(keys.Len(), keys.IDs())
	_, err = token.ParseKeys("jwks.json", []byte("{\"keys\":[\n{"))
	fmt.Println(err)
	// Output:
	// 1 [may]
	// token: the key file "jwks.json": line 2 is no JSON: unexpected EOF
}

// The two files of a new pair of keys.
func ExampleGenerateKey() {
	key := token.GenerateKey()
	private, err := token.MarshalPrivate(key)
	if err != nil {
		log.Fatal(err)
	}
	public, err := token.MarshalPublic(key.Public().(ed25519.PublicKey))
	if err != nil {
		log.Fatal(err)
	}
	_, err = token.ParsePrivateKey("key.pem", private)
	keys, err2 := token.ParseKeys("key.pub.pem", public)
	fmt.Println(err, keys.Len(), err2)
	// Output: <nil> 1 <nil>
}
