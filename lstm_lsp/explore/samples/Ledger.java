/*
 * Licensed under the Apache License, Version 2.0 (the "License");
 * you may not use this file except in compliance with the License.
 */
package org.example.ledger;

import java.util.ArrayList;
import java.util.List;

/**
 * A list of amounts in cents.
 */
public class Ledger {

    private final List<Integer> amounts = new ArrayList<>();

    /**
     * Adds an amount.
     *
     * @param cents the amount, not negative
     * @return the number of amounts
     */
    public int add(int cents) {
        if (cents < 0) {
            throw new IllegalArgumentException("negative: " + cents);
        }
        amounts.add(cents);
        return amounts.size();
    }

    @Override
    public String toString() {
        StringBuilder text = new StringBuilder();
        for (int i = 0; i < amounts.size(); i++) {
            if (i > 0) {
                text.append(", "); // between two
            }
            text.append(amounts.get(i));
        }
        return text.toString();
    }
}
