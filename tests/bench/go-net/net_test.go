// SPDX-License-Identifier: LGPL-2.1-or-later

// Package gonet measures the interface questions of Go's net package in the namespace in which it runs.
// Every question is asked of random links, as the benchmark of the library does.
package gonet

import (
	"math/rand"
	"net"
	"testing"
)

func links(b *testing.B) []net.Interface {
	list, err := net.Interfaces()
	if err != nil {
		b.Fatal(err)
	}
	b.ResetTimer()
	return list
}

func BenchmarkInterfaces(b *testing.B) {
	for i := 0; i < b.N; i++ {
		if _, err := net.Interfaces(); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkInterfaceByIndex(b *testing.B) {
	list := links(b)
	for i := 0; i < b.N; i++ {
		if _, err := net.InterfaceByIndex(list[rand.Intn(len(list))].Index); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkInterfaceByName(b *testing.B) {
	list := links(b)
	for i := 0; i < b.N; i++ {
		if _, err := net.InterfaceByName(list[rand.Intn(len(list))].Name); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkInterfaceAddrs(b *testing.B) {
	for i := 0; i < b.N; i++ {
		if _, err := net.InterfaceAddrs(); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkInterfacesAndAddrs(b *testing.B) {
	for i := 0; i < b.N; i++ {
		list, err := net.Interfaces()
		if err != nil {
			b.Fatal(err)
		}
		for _, link := range list {
			if _, err := link.Addrs(); err != nil {
				b.Fatal(err)
			}
		}
	}
}

func BenchmarkInterfacesAndMulticastAddrs(b *testing.B) {
	for i := 0; i < b.N; i++ {
		list, err := net.Interfaces()
		if err != nil {
			b.Fatal(err)
		}
		for _, link := range list {
			if _, err := link.MulticastAddrs(); err != nil {
				b.Fatal(err)
			}
		}
	}
}
