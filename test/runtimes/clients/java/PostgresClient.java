// SPDX-License-Identifier: Apache-2.0

import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.util.Properties;

/** A workload: PostgreSQL's JDBC driver over JSSE. What it asks for stands in README.md. Arguments: one | several. */
public final class PostgresClient {
	public static void main(String[] arguments) throws Exception {
		Properties about = new Properties();
		about.setProperty("user", System.getenv("PGUSER"));
		about.setProperty("sslmode", System.getenv("PGSSLMODE"));
		about.setProperty("sslrootcert", System.getenv("PGSSLROOTCERT"));
		String url = "jdbc:postgresql://%s:%s/%s".formatted(System.getenv("PGHOST"), System.getenv("PGPORT"),
				System.getenv("PGDATABASE"));
		try (Connection connection = DriverManager.getConnection(url, about)) {
			if (arguments[0].equals("one")) {
				ask(connection, "ONE", "one");
				return;
			}
			ask(connection, "UPLOAD", Files.readString(Path.of(System.getenv("RUNTIME_BODY"))));
			ask(connection, "LARGE");
			try {
				ask(connection, "FAILS");
				throw new IllegalStateException("a division by zero succeeded");
			} catch (SQLException expected) {
				if (!"22012".equals(expected.getSQLState())) throw expected;
			}
			ask(connection, "ONE", "last");
		}
	}

	private static void ask(Connection connection, String name, String... values) throws SQLException {
		String text = System.getenv("RUNTIME_" + name).replace("$1", "?");
		try (PreparedStatement statement = connection.prepareStatement(text)) {
			for (int index = 0; index < values.length; index++) statement.setString(index + 1, values[index]);
			statement.execute();
		}
	}
}
