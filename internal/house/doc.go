// Package house holds no code: its tests hold the rules of the house, which
// package may import which, what builds where, and how things are named.
package house
