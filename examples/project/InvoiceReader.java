package org.example.invoices;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.Reader;
import java.util.ArrayList;
import java.util.List;

/**
 * Reads invoices, one a line: number, customer and amount in cents.
 */
public class InvoiceReader {

    private final List<Invoice> invoices = new ArrayList<>();

    /**
     * Reads all invoices of a text.
     *
     * @param reader the text; not closed
     * @throws IOException if reading fails
     */
    public void readAll(Reader reader) throws IOException {
        BufferedReader lines = new BufferedReader(reader);
        String line;
        while ((line = lines.readLine()) != null) {
            if (line.isEmpty()) {
                continue;
            }
            String[] fields = line.split(",");
            invoices.add(new Invoice(fields[0], fields[1], Long.parseLong(fields[2])));
        }
    }

    /**
     * Returns the sum of all amounts.
     *
     * @return the sum in cents
     */
    public long sum() {
        long sum = 0;
        if (invoices.isEmp
    }
}
