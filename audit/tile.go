package audit

import (
	"strconv"

	"golang.org/x/mod/sumdb/tlog"

	"pedigree/registry"
)

// tileHeight is the height of a tile: 8 levels, or 256 hashes (https://c2sp.org/tlog-tiles).
const tileHeight = 8

// ParseTilePath reads the path of a tile below /tile/ in the form of tlog-tiles: the level and
// the number, such as 0/x001/234, and for a partial tile its width, such as 0/x001/234.p/7.
// NOT_FOUND when it is none.
func ParseTilePath(path string) (tlog.Tile, error) {
	t, err := tlog.ParseTilePath("tile/" + strconv.Itoa(tileHeight) + "/" + path)
	if err != nil || t.L < 0 {
		return tlog.Tile{}, registry.Errorf(registry.NotFound, "there is no tile of this path")
	}
	return t, nil
}

// Tile returns the hashes of a tile, one after the other, for a log of a size. NOT_FOUND when
// the log is too small for it.
func (h Hashes) Tile(t tlog.Tile, size int64) ([]byte, error) {
	if t.W < 1 || t.W > 1<<tileHeight || t.N < 0 || t.L > 7 || (t.N<<tileHeight+int64(t.W)) > size>>(tileHeight*uint(t.L)) {
		return nil, registry.Errorf(registry.NotFound, "the log has no such tile yet")
	}
	return tlog.ReadTileData(t, h)
}

// Full reports whether a tile is full: it never changes any more.
func Full(t tlog.Tile) bool { return t.W == 1<<tileHeight }
