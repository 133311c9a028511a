package main

import "math/big"

// shares are exact fractions of one by target, such as "status 404".
type shares map[string]*big.Rat

func (s shares) add(target string, share *big.Rat) {
	if share.Sign() == 0 {
		return
	}
	if s[target] == nil {
		s[target] = new(big.Rat)
	}
	s[target].Add(s[target], share)
}

func (s shares) written() map[string]string {
	out := map[string]string{}
	for target, share := range s {
		out[target] = share.RatString()
	}
	return out
}
