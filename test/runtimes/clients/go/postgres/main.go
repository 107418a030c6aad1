// SPDX-License-Identifier: Apache-2.0

// A workload: pgx of Go. What it asks for stands in README.md; where, in libpq's environment variables.
//
//	postgres one | several
package main

import (
	"context"
	"fmt"
	"os"

	"github.com/jackc/pgx/v5"
)

func main() {
	if err := run(os.Args[1] == "one"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(isOne bool) error {
	every := context.Background()
	connection, err := pgx.Connect(every, "")
	if err != nil {
		return err
	}
	defer connection.Close(every)
	if isOne {
		return ask(connection, os.Getenv("RUNTIME_ONE"), "one")
	}
	body, err := os.ReadFile(os.Getenv("RUNTIME_BODY"))
	if err != nil {
		return err
	}
	if err := ask(connection, os.Getenv("RUNTIME_UPLOAD"), string(body)); err != nil {
		return err
	}
	if err := ask(connection, os.Getenv("RUNTIME_LARGE")); err != nil {
		return err
	}
	if ask(connection, os.Getenv("RUNTIME_FAILS")) == nil {
		return fmt.Errorf("a division by zero succeeded")
	}
	return ask(connection, os.Getenv("RUNTIME_ONE"), "last")
}

func ask(connection *pgx.Conn, statement string, values ...any) error {
	rows, err := connection.Query(context.Background(), statement, values...)
	if err != nil {
		return err
	}
	for rows.Next() {
	}
	return rows.Err()
}
