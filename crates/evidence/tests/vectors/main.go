// Makes log.json with Go's own implementation of transparency logs and signed notes:
//
//	go mod init vectors && go get golang.org/x/mod@v0.42.0 && go run main.go >log.json
package main

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const leaves = 70000

type stored []tlog.Hash

func (s stored) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	out := make([]tlog.Hash, len(indexes))
	for i, index := range indexes {
		out[i] = s[index]
	}
	return out, nil
}

type root struct {
	Size int64  `json:"size"`
	Root string `json:"root"`
}
type proof struct {
	Old    int64    `json:"old"` // of an inclusion proof, the index
	Size   int64    `json:"size"`
	Hashes []string `json:"hashes"`
}
type tile struct {
	Path   string `json:"path"`
	Sha256 string `json:"sha256"`
}
type signed struct {
	Vkey string `json:"vkey"`
	Seed string `json:"seed"`
	Text string `json:"text"`
	Note string `json:"note"`
}

func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

func texts(hashes []tlog.Hash) []string {
	out := []string{}
	for _, hash := range hashes {
		out = append(out, hex.EncodeToString(hash[:]))
	}
	return out
}

// A witness signs as c2sp.org/tlog-cosignature says; the rest is the library's.
type witness struct {
	name string
	key  ed25519.PrivateKey
	time uint64
}

func (w witness) Name() string { return w.name }
func (w witness) KeyHash() uint32 {
	public := w.key.Public().(ed25519.PublicKey)
	hash := sha256.Sum256(append([]byte(w.name+"\n\x04"), public...))
	return binary.BigEndian.Uint32(hash[:])
}
func (w witness) Sign(msg []byte) ([]byte, error) {
	text := fmt.Sprintf("cosignature/v1\ntime %d\n%s", w.time, msg)
	return append(binary.BigEndian.AppendUint64(nil, w.time), ed25519.Sign(w.key, []byte(text))...), nil
}

func main() {
	var hashes stored
	var roots []root
	sizes := []int64{0, 1, 2, 3, 5, 8, 255, 256, 257, 511, 512, 65535, 65536, 65537, leaves}
	record := func(size int64) {
		hash := must(tlog.TreeHash(size, hashes))
		roots = append(roots, root{size, hex.EncodeToString(hash[:])})
	}
	record(0)
	for i := int64(0); i < leaves; i++ {
		hashes = append(hashes, must(tlog.StoredHashes(i, fmt.Appendf(nil, "leaf %d", i), hashes))...)
		for _, size := range sizes {
			if size == i+1 {
				record(size)
			}
		}
	}
	var inclusions, consistencies []proof
	for _, size := range sizes[1:] {
		for _, index := range []int64{0, 1, 4, 254, 255, 256, 65535, 65536, size - 1} {
			if index < size {
				inclusions = append(inclusions, proof{index, size, texts(must(tlog.ProveRecord(size, index, hashes)))})
			}
		}
		for _, old := range sizes[1:] {
			if old <= size {
				consistencies = append(consistencies, proof{old, size, texts(must(tlog.ProveTree(size, old, hashes)))})
			}
		}
	}
	var tiles []tile
	for _, t := range tlog.NewTiles(8, 0, leaves) {
		if t.L == 0 && t.N%100 > 0 && t.N < 272 {
			continue
		}
		data := must(tlog.ReadTileData(t, hashes))
		sum := sha256.Sum256(data)
		// The height, 8, is not part of a path of tlog-tiles.
		tiles = append(tiles, tile{"tile/" + t.Path()[len("tile/8/"):], hex.EncodeToString(sum[:])})
	}
	seed := bytes.Repeat([]byte{7}, ed25519.SeedSize)
	key := ed25519.NewKeyFromSeed(seed)
	origin := "log.example/0123456789abcdef"
	vkey := must(note.NewEd25519VerifierKey(origin, key.Public().(ed25519.PublicKey)))
	skey := fmt.Sprintf("PRIVATE+KEY+%s+%s+%s", origin, vkey[len(origin)+1:len(origin)+9], base64.StdEncoding.EncodeToString(append([]byte{1}, seed...)))
	top := must(tlog.TreeHash(leaves, hashes))
	text := fmt.Sprintf("%s\n%d\n%s\n", origin, leaves, base64.StdEncoding.EncodeToString(top[:]))
	by := must(note.NewSigner(skey))
	alone := must(note.Sign(&note.Note{Text: text}, by))
	witnessSeed := bytes.Repeat([]byte{9}, ed25519.SeedSize)
	observer := witness{"witness.example/w1", ed25519.NewKeyFromSeed(witnessSeed), 1800000000}
	observed := must(note.Sign(&note.Note{Text: text}, by, observer))
	material := append([]byte{4}, observer.key.Public().(ed25519.PublicKey)...)
	observerVkey := fmt.Sprintf("%s+%08x+%s", observer.name, observer.KeyHash(), base64.StdEncoding.EncodeToString(material))
	out := json.NewEncoder(os.Stdout)
	out.SetEscapeHTML(false)
	must(0, out.Encode(map[string]any{
		"roots": roots, "inclusions": inclusions, "consistencies": consistencies, "tiles": tiles,
		"checkpoint": signed{vkey, hex.EncodeToString(seed), text, string(alone)},
		"cosigned":   signed{observerVkey, hex.EncodeToString(witnessSeed), text, string(observed)},
	}))
}
